"""What no client can send is not sent to the kitchen sink of manifests: two faults of the judge with forms."""

import schemathesis

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@schemathesis.hook
def filter_case(context, case):
    if case.media_type not in FORMS or not isinstance(case.body, dict):
        return True
    return not (list_of_one(case) or controls_in_a_name(case))


def list_of_one(case):
    """One item in place of a list is meant to be refused, but a form says both in the same way: by the name, once."""
    schema = next(body.definition["schema"] for body in case.operation.body if body.media_type == case.media_type)
    given = [(case.body[name], member) for name, member in schema["properties"].items() if name in case.body]
    return any(is_item(value, member.get("items", {})) for value, member in given if member.get("type") == "array")


def is_item(value, items):
    """Whether a value is no list; or, in place of a list of lists, a list of something else."""
    if not isinstance(value, list):
        return True
    return items.get("type") == "array" and not all(isinstance(item, list) for item in value)


def controls_in_a_name(case):
    """Names of members that are not declared go into a part's head as they are, where no header may hold controls."""
    return case.media_type == FORMS[1] and any(
        ord(letter) < 32 or 127 <= ord(letter) < 160 for name in case.body for letter in name
    )
