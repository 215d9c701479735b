"""Hidden checks of sgd_momentum, sgd_nesterov_momentum, rmsprop and adam.

Whether a rule works in place or makes new arrays, and where it puts epsilon, is the student's choice.
"""

from __future__ import annotations

import numpy as np

from autograder.checks import rules
from autograder.checks.api import Student, question, require, require_shape

VELOCITY = "v = momentum * v - learning_rate * dw; then next_w = w + v."


@question("sgd_momentum", weight=2, hint=VELOCITY)
def test_momentum_cell_on_fresh_inputs(student: Student, rng: np.random.Generator) -> None:
    """The notebook's check on new numbers: one step from a given velocity gives the right weights and velocity."""
    rules.cell(student, rng, "sgd_momentum")


@question("sgd_momentum", weight=2, hint="Every step builds on the velocity of the step before.")
def test_momentum_carries_its_velocity_from_step_to_step(student: Student, rng: np.random.Generator) -> None:
    """Four steps from rest, with a learning rate and momentum that are not the defaults, give the right weights."""
    rules.steps(student, rng, "sgd_momentum")


@question("sgd_momentum", hint='The new v belongs into config["velocity"], with its sign: the step is +v.')
def test_momentum_stores_its_velocity(student: Student, rng: np.random.Generator) -> None:
    """After every step config["velocity"] holds the new velocity."""
    rules.stored(student, rng, "sgd_momentum", 1)
    rules.stored(student, rng, "sgd_momentum", 3)


@question("sgd_momentum", weight=0.5, hint="Read learning_rate and momentum from config, where the defaults are set.")
def test_momentum_uses_defaults_for_what_is_left_out(student: Student, rng: np.random.Generator) -> None:
    """Without a config, or with a part of it, the defaults hold: learning_rate 0.01, momentum 0.9, velocity 0."""
    rules.defaults(student, rng, "sgd_momentum")


@question("sgd_momentum", weight=0.5, hint="Nothing in the formula needs to know the shape of w.")
def test_momentum_works_on_arrays_of_any_shape(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases, arrays of 1, 2 and 4 dimensions, float32 and float64, are all treated alike."""
    rules.shapes(student, rng, "sgd_momentum")


@question("sgd_momentum", weight=0.5, hint="Keep the velocity in config, nowhere else.")
def test_momentum_keeps_two_arrays_apart(student: Student, rng: np.random.Generator) -> None:
    """Arrays that are trained in turns, each with its own config, do not disturb each other."""
    rules.apart(student, rng, "sgd_momentum")


LOOK_AHEAD = "next_w = w + v_new + momentum * (v_new - v_old): keep the old velocity until you have used it."


@question("sgd_nesterov_momentum", weight=2, hint=LOOK_AHEAD)
def test_nesterov_cell_on_fresh_inputs(student: Student, rng: np.random.Generator) -> None:
    """The notebook's check on new numbers: one step from a given velocity gives the right weights and velocity."""
    rules.cell(student, rng, "sgd_nesterov_momentum")


@question("sgd_nesterov_momentum", weight=2, hint=LOOK_AHEAD)
def test_nesterov_carries_its_velocity_from_step_to_step(student: Student, rng: np.random.Generator) -> None:
    """Four steps from rest, with a learning rate and momentum that are not the defaults, give the right weights."""
    rules.steps(student, rng, "sgd_nesterov_momentum")


@question("sgd_nesterov_momentum", hint='config["velocity"] is v_new = momentum * v - learning_rate * dw, no more.')
def test_nesterov_stores_its_velocity(student: Student, rng: np.random.Generator) -> None:
    """After every step config["velocity"] holds the new velocity, which is that of plain momentum."""
    rules.stored(student, rng, "sgd_nesterov_momentum", 1)
    rules.stored(student, rng, "sgd_nesterov_momentum", 3)


@question("sgd_nesterov_momentum", weight=0.5, hint="Read learning_rate and momentum from config.")
def test_nesterov_uses_defaults_for_what_is_left_out(student: Student, rng: np.random.Generator) -> None:
    """Without a config, or with a part of it, the defaults hold: learning_rate 0.01, momentum 0.9, velocity 0."""
    rules.defaults(student, rng, "sgd_nesterov_momentum")


@question("sgd_nesterov_momentum", weight=0.5, hint="Nothing in the formula needs to know the shape of w.")
def test_nesterov_works_on_arrays_of_any_shape(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases, arrays of 1, 2 and 4 dimensions, float32 and float64, are all treated alike."""
    rules.shapes(student, rng, "sgd_nesterov_momentum")


@question("sgd_nesterov_momentum", weight=0.5, hint="Keep the velocity in config, nowhere else.")
def test_nesterov_keeps_two_arrays_apart(student: Student, rng: np.random.Generator) -> None:
    """Arrays that are trained in turns, each with its own config, do not disturb each other."""
    rules.apart(student, rng, "sgd_nesterov_momentum")


SCALED = "Bring the cache up to date first, then divide dw by its square root (plus epsilon)."


@question("rmsprop", weight=2, hint=SCALED)
def test_rmsprop_cell_on_fresh_inputs(student: Student, rng: np.random.Generator) -> None:
    """The notebook's check on new numbers: one step from a given cache gives the right weights and cache."""
    rules.cell(student, rng, "rmsprop")


@question("rmsprop", weight=2, hint=SCALED)
def test_rmsprop_carries_its_cache_from_step_to_step(student: Student, rng: np.random.Generator) -> None:
    """Four steps from an empty cache, with settings that are not the defaults, give the right weights."""
    rules.steps(student, rng, "rmsprop")


@question("rmsprop", hint="cache = decay_rate * cache + (1 - decay_rate) * dw**2, stored under that name.")
def test_rmsprop_stores_its_cache(student: Student, rng: np.random.Generator) -> None:
    """After every step config["cache"] holds the running mean of the squared gradients."""
    rules.stored(student, rng, "rmsprop", 1)
    rules.stored(student, rng, "rmsprop", 3)


@question("rmsprop", hint='Use config["epsilon"], in the divisor; a number written into the code does not follow it.')
def test_rmsprop_uses_the_epsilon_of_config(student: Student, rng: np.random.Generator) -> None:
    """A large epsilon makes the steps smaller. It may stand inside or outside the root, in every step alike."""
    rules.epsilon(student, rng, "rmsprop")


@question("rmsprop", weight=0.5, hint="Epsilon belongs into the divisor: 0 / (0 + epsilon) is 0.")
def test_rmsprop_does_not_move_weights_without_gradient(student: Student, rng: np.random.Generator) -> None:
    """A weight whose gradient has always been 0 stays where it is; nothing becomes nan."""
    rules.zero_gradient(student, rng, "rmsprop")


@question("rmsprop", weight=0.5, hint="Read learning_rate and decay_rate from config, under these names.")
def test_rmsprop_uses_defaults_for_what_is_left_out(student: Student, rng: np.random.Generator) -> None:
    """Without a config, or with a part of it, the defaults hold: learning_rate 0.01, decay_rate 0.99, cache 0."""
    rules.defaults(student, rng, "rmsprop")


@question("rmsprop", weight=0.5, hint="Nothing in the formula needs to know the shape of w.")
def test_rmsprop_works_on_arrays_of_any_shape(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases, arrays of 1, 2 and 4 dimensions, float32 and float64, are all treated alike."""
    rules.shapes(student, rng, "rmsprop")


@question("rmsprop", weight=0.5, hint="Keep the cache in config, nowhere else.")
def test_rmsprop_keeps_two_arrays_apart(student: Student, rng: np.random.Generator) -> None:
    """Arrays that are trained in turns, each with its own config, do not disturb each other."""
    rules.apart(student, rng, "rmsprop")


CORRECTED = "Count t up first; then divide m by 1 - beta1**t and v by 1 - beta2**t."


@question("adam", weight=2, hint=CORRECTED)
def test_adam_cell_on_fresh_inputs(student: Student, rng: np.random.Generator) -> None:
    """The notebook's check on new numbers: one step from given m, v and t gives the right weights and moments."""
    rules.cell(student, rng, "adam")


@question("adam", weight=2, hint=CORRECTED)
def test_adam_carries_its_moments_from_step_to_step(student: Student, rng: np.random.Generator) -> None:
    """Four steps from the start, with settings that are not the defaults, give the right weights."""
    rules.steps(student, rng, "adam")


@question("adam", weight=1.5, hint="At t = 1 both corrections undo the small first weights 1 - beta1 and 1 - beta2.")
def test_adam_makes_a_first_step_of_the_size_of_the_learning_rate(student: Student, rng: np.random.Generator) -> None:
    """The first step moves every weight by the learning rate, against the sign of its gradient."""
    (dw,) = rules.draw_gradients(rng, (6, 4), 1)
    dw *= rng.choice([0.1, 1.0, 30.0], dw.shape)
    for config in (rules.draw_settings("adam", rng), rules.draw_settings("adam", rng)):
        following, _ = student.optim.adam(np.zeros((6, 4)), dw, config)
        step = require_shape(following, (6, 4), "The weights that adam returns") / config["learning_rate"]
        require(abs(step + np.sign(dw)).max() < 1e-3, "The first step has not the size of the learning rate.")


@question("adam", hint='config["m"] and config["v"] are the running means themselves, not the corrected ones.')
def test_adam_stores_its_moments(student: Student, rng: np.random.Generator) -> None:
    """After every step config["m"] and config["v"] hold the running means of dw and of dw**2, before correction."""
    rules.stored(student, rng, "adam", 1)
    rules.stored(student, rng, "adam", 3)


@question("adam", hint='Write the new number of steps back to config["t"].')
def test_adam_counts_its_steps(student: Student, rng: np.random.Generator) -> None:
    """config["t"] is the number of steps done: one more after every step, also where it did not start at 0."""
    for start in (0, int(rng.integers(3, 9))):
        handle = student.dict(t=start, **({} if start == 0 else rules.draw_memory("adam", rng, (3, 2), counted=False)))
        w = rng.uniform(-1, 1, (3, 2))
        for done in (1, 2, 3):
            w, handle = student.optim.adam(w, rng.uniform(0.5, 1.5, (3, 2)), handle)
            require("t" in handle, 'The config that comes back has no "t".')
            t = np.asarray(handle["t"])
            require(t.dtype.kind in "iuf" and t.size == 1, 'config["t"] is not a number.')
            require(t.item() == start + done, 'config["t"] is not the number of steps done.')


@question("adam", hint='Use config["epsilon"], in the divisor; a number written into the code does not follow it.')
def test_adam_uses_the_epsilon_of_config(student: Student, rng: np.random.Generator) -> None:
    """A large epsilon makes the steps smaller. Any usual place of it is right, if it is the same in every step."""
    rules.epsilon(student, rng, "adam")


@question("adam", weight=0.5, hint="Epsilon belongs into the divisor: 0 / (0 + epsilon) is 0.")
def test_adam_does_not_move_weights_without_gradient(student: Student, rng: np.random.Generator) -> None:
    """A weight whose gradient has always been 0 stays where it is; nothing becomes nan."""
    rules.zero_gradient(student, rng, "adam")


@question("adam", weight=0.5, hint="Read learning_rate, beta1 and beta2 from config, under these names.")
def test_adam_uses_defaults_for_what_is_left_out(student: Student, rng: np.random.Generator) -> None:
    """Without a config, or with a part of it: learning_rate 0.001, beta1 0.9, beta2 0.999, m, v and t 0."""
    rules.defaults(student, rng, "adam")


@question("adam", weight=0.5, hint="Nothing in the formula needs to know the shape of w.")
def test_adam_works_on_arrays_of_any_shape(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases, arrays of 1, 2 and 4 dimensions, float32 and float64, are all treated alike."""
    rules.shapes(student, rng, "adam")


@question("adam", weight=0.5, hint="Keep m, v and t in config, nowhere else.")
def test_adam_keeps_two_arrays_apart(student: Student, rng: np.random.Generator) -> None:
    """Arrays that are trained in turns, each with its own config, do not disturb each other."""
    rules.apart(student, rng, "adam")
