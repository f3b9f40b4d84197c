import pytest

from tests.tf_mt.evaluation import made_up_systems
from tf_mt.evaluation.protocol import systems

DOMAINS = ("bell", "reed")
TRANSLATES = made_up_systems.System(translate=lambda audio, domain: audio)
TRANSFERS = made_up_systems.System(transfer=lambda audio, reference: audio)
BOTH = made_up_systems.System(
    translate=lambda audio, domain: audio, transfer=lambda audio, reference: audio
)


def check(transfer, *given, domains=DOMAINS):
    named = [(f"m{number}", "1", system) for number, system in enumerate(given)]
    return [one.modes for one in systems.check(named, domains, transfer)]


def test_a_system_is_scored_on_what_it_can_do():
    assert check(False, TRANSLATES, BOTH) == 2 * [(systems.TRANSLATION,)]
    assert check(True, TRANSLATES, TRANSFERS, BOTH) == [
        (systems.TRANSLATION,),
        (systems.TRANSFER,),
        (systems.TRANSLATION, systems.TRANSFER),
    ]
    assert check(True, BOTH, domains=("bell", "lute")) == [(systems.TRANSFER,)]


@pytest.mark.parametrize(
    ("transfer", "system", "domains", "words"),
    [
        (False, TRANSFERS, DOMAINS, "'m0' cannot be scored: it knows no domains"),
        (False, BOTH, ("bell", "lute"), "'m0' cannot be scored: domain='lute'"),
        (True, TRANSLATES, ("lute",), "'m0' cannot be scored: it translates to"),
        (True, TRANSLATES, DOMAINS, "no system can be scored on transfer: it transla"),
    ],
)
def test_what_cannot_be_done_is_refused(transfer, system, domains, words):
    with pytest.raises(ValueError, match=words):
        check(transfer, system, domains=domains)
