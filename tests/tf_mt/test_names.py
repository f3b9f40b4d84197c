from tf_mt import names


def test_nearest_comes_first():
    sentence = names.unknown("domain", "chello", ["violin", "cello", "flute"])
    assert sentence == (
        "domain='chello' is not known; did you mean 'cello'? "
        "known: cello, flute, violin."
    )


def test_nothing_near():
    sentence = names.unknown("domain", "xyz", ["b", "a"])
    assert sentence == "domain='xyz' is not known; known: a, b."
