"""Made-up students: given names and family names of many countries, put together at random."""

from __future__ import annotations

import random
import unicodedata

_GIVEN = """
    Aaliyah Abebe Aiko Amara Ana Anders Anjali Ayşe Bao Beatriz Björn Camille Chiara Chidi Daniel Dilnoza Ekaterina
    Elif Emeka Esther Farid Fatou Giulia Grace Hana Hiroshi Ibrahim Ingrid Isabel Jamal Jana José Kaveh Kwame Lars
    Leilani Linh Lucía Mairead Malik Maria Mateo Meera Milan Nadia Ngozi Niamh Noah Olga Omar Paulo Priya Rania Rosa
    Samir Sofía Tariq Thandiwe Tomáš Uchenna Valentina Wei Xin Yara Yusuf Zoë Zuri
"""
_FAMILY = """
    Abdullah Achterberg Adeyemi Ahmadi Almeida Andersen Banda Bianchi Castro Chandra Chen Cohen Dembélé Diallo
    Dubois Eriksson Farouk Fernández Fischer García Gebre Haddad Hansen Hernández Horvat Ivanova Jansen Jensen Kamau
    Kaya Khan Kim Kovács Kowalska Kumar Lefèvre Li Lindqvist MacLeod Mahlangu Mendoza Mensah Moreau Müller Murphy
    Nakamura Ndiaye Nguyen Novák O'Brien Okafor Osei Papadopoulos Park Patel Pereira Popescu Rahman Ramos Romero
    Rossi Sato Silva Singh Suzuki Tanaka Tesfaye Tran Traoré Vargas Wang Yamamoto Yilmaz Zhang
"""


def students(count: int, draw: random.Random) -> dict[str, str]:
    """So many students, `key: name`. The key is what Canvas makes of a name: family and given name, letters only.

    Examples
    --------
    >>> students(2, random.Random(8)).keys() == students(2, random.Random(8)).keys()
    True
    """
    given_names, family_names = _GIVEN.split(), _FAMILY.split()
    found: dict[str, str] = {}
    number = 1
    while len(found) < count:
        given, family = draw.choice(given_names), draw.choice(family_names)
        key = _letters(f"{family}{given}")
        if key in found and len(found) < len(given_names) * len(family_names) // 2:
            continue
        number += key in found
        found[f"{key}{number}" if key in found else key] = f"{given} {family}"
    return dict(sorted(found.items()))


def _letters(name: str) -> str:
    """Lower-case letters of ASCII; accents are dropped."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalpha())
