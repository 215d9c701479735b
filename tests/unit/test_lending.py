"""What is lent to a question: the layers whose own questions failed, whole, and nothing else."""

from autograder.examiner.lending import lent, suspects

CHECKS = [
    ("affine_forward", ()),
    ("affine_backward", ("layers.affine_forward",)),
    ("batchnorm_forward", ()),
    ("batchnorm_backward", ("layers.batchnorm_forward",)),
    ("layernorm_forward", ("layers.batchnorm_forward", "layers.batchnorm_backward")),
    ("layernorm_backward", ("layers.layernorm_forward", "layers.batchnorm_forward", "layers.batchnorm_backward")),
    ("fc_net", ("layers.affine_forward", "layers.affine_backward")),
]
RESTS = dict(CHECKS)


def test_net_gets_both_halves_of_the_layer_that_failed_and_no_other():
    wrong = suspects(CHECKS, {"affine_backward", "fc_net", "batchnorm_forward"})
    assert lent("fc_net", RESTS["fc_net"], wrong) == ("layers.affine_forward", "layers.affine_backward")


def test_nothing_is_lent_where_all_layers_passed():
    assert lent("fc_net", RESTS["fc_net"], suspects(CHECKS, {"fc_net"})) == ()


def test_layernorm_by_batchnorm_keeps_its_own_cache_when_batchnorm_failed():
    failed = {"batchnorm_forward", "layernorm_forward", "layernorm_backward"}
    given = lent("layernorm_backward", RESTS["layernorm_backward"], suspects(CHECKS, failed))
    assert given == ("layers.batchnorm_forward", "layers.batchnorm_backward")


def test_backward_pass_gets_the_forward_pass_that_failed():
    wrong = suspects(CHECKS, {"layernorm_forward", "layernorm_backward"})
    assert lent("layernorm_backward", RESTS["layernorm_backward"], wrong) == ("layers.layernorm_forward",)


def test_function_without_a_question_is_lent_to_all_that_name_it_and_never_to_the_one_that_pays():
    rests = ("layers.affine_forward", "layers.affine_backward", "layers.softmax_loss")
    wrong = suspects([*CHECKS, ("fc_net_dropout", rests)], {"fc_net", "fc_net_dropout"})
    assert lent("fc_net_dropout", rests, wrong) == ("layers.softmax_loss",)
    assert lent("fc_net", RESTS["fc_net"], wrong) == ()


def test_function_that_was_not_examined_may_be_wrong():
    wrong = suspects([("fc_net", RESTS["fc_net"])], {"fc_net"})
    assert lent("fc_net", RESTS["fc_net"], wrong) == RESTS["fc_net"]
