"""Tables of cases for pytest.mark.parametrize."""

import pytest


def cases(table, wrong=None):
    """One parameter set for each entry of a dict, whose keys are the names.

    `wrong` names those in which the server does something else today, and why: {"name": "what comes instead"}. Such a test
    must fail; as soon as it passes, its entry has to go.
    """
    wrong = wrong or {}
    assert wrong.keys() <= table.keys(), f"there are no cases {wrong.keys() - table.keys()}"
    parameters = []
    for name, values in table.items():
        marks = [known_fault(wrong[name])] if name in wrong else []
        values = values if isinstance(values, tuple) else (values,)
        parameters.append(pytest.param(*values, id=name, marks=marks))
    return parameters


def known_fault(what_comes):
    """For a single test: what `wrong` is for an entry of a table."""
    return pytest.mark.xfail(strict=True, reason=what_comes)


def name_of(value):
    """ids=name_of: a member of an enumeration by its name."""
    return value.name
