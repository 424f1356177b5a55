"""control/replies: what servers say, as the operator reads it."""


def test_a_wrong_line_in_replies_is_shown_with_its_place_and_the_mend(gateway):
    gateway.control("replies", "# ours\nrule isp-evening\nsayd closed\nthen session slow 30m\n")
    done = gateway.run("check")
    assert done.returncode == 78
    assert "control/replies:3: write rule, at, code, status" in done.stdout


def test_a_rule_that_does_nothing_is_shown(gateway):
    gateway.control("replies", "rule isp-evening\nsaid closed\n")
    done = gateway.run("check")
    assert done.returncode == 78
    assert 'control/replies:1: the rule has no "then"' in done.stdout


def test_the_sample_of_replies_is_a_setting_that_is_known(gateway):
    gateway.control("replies", "rule isp-evening\nsaid closed for today\nthen session slow 30m\n")
    assert "control/replies" not in gateway.run("check").stdout
