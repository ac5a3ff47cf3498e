"""Second pass: how the actions stand to each other."""

from automations.definition.drafts import ActionDraft
from automations.definition.faults import Faults
from automations.engine.outcomes import NEXT

MAX_DEPTH = 100


def relate(drafts: list[ActionDraft], faults: Faults) -> None:
    """Give each draft its parent, branch and children, as far as they can be told."""
    _check_names(drafts, faults)
    _check_roots(drafts, faults)
    _find_parents(drafts, faults)
    looped = _check_cycles(drafts, faults)
    for draft in drafts:
        if draft.parent is not None and "parent_branch" not in draft.unreadable:
            _find_branch(draft, draft.parent, faults)
    for draft in drafts:
        if draft.parent is not None and draft.branch is not None:
            _take_place(draft, draft.parent, draft.branch, faults)
    _check_depth(drafts, looped, faults)


def in_order(drafts: list[ActionDraft]) -> list[ActionDraft]:
    """The drafts of a tree without faults: parents before children, siblings by branch."""
    ordered = []
    stack = [draft for draft in drafts if draft.is_root]
    while stack:
        draft = stack.pop()
        ordered.append(draft)
        below = [draft.children[label] for label in draft.branches if label in draft.children]
        stack.extend(reversed(below))
    return ordered


def _check_names(drafts: list[ActionDraft], faults: Faults) -> None:
    keys: dict[str, ActionDraft] = {}
    ids: dict[int, ActionDraft] = {}
    for draft in drafts:
        other = keys.setdefault(draft.key, draft)
        if other is not draft:
            message = f"{other.path} has the key {draft.key!r} already."
            faults.add(f"{draft.path}.action_key", message)
        if draft.id is not None and ids.setdefault(draft.id, draft) is not draft:
            faults.add(f"{draft.path}.id", f"{ids[draft.id].path} has the id {draft.id} already.")


def _check_roots(drafts: list[ActionDraft], faults: Faults) -> None:
    roots = [draft for draft in drafts if draft.is_root]
    for draft in roots:
        if draft.given.get("parent_branch"):
            faults.add(f"{draft.path}.parent_branch", "Has no parent to stand under a branch of.")
    for draft in roots[1:]:
        faults.add(
            f"{draft.path}.parent_key",
            f"Only one action can be the first, and {roots[0].key!r} has no parent either.",
        )
    if drafts and not roots and all(draft.placeable for draft in drafts):
        faults.add("actions", "No action is the first: one must have no parent_key.")


def _find_parents(drafts: list[ActionDraft], faults: Faults) -> None:
    """By `parent_key`, or by `parent_id` among the ids here: our own answers carry both.

    Keys that were made up name nobody. While one key or id cannot be read, it may be the one that
    another action names.
    """
    # The first of a name counts: the others have a fault.
    by_key = {draft.given_key: draft for draft in reversed(drafts)}
    by_id = {draft.id: draft for draft in reversed(drafts)}
    unread = {field for draft in drafts for field in draft.unreadable}
    for draft in drafts:
        named = by_key.get(draft.parent_key) if draft.parent_key is not None else None
        numbered = by_id.get(draft.parent_id) if draft.parent_id is not None else None
        if draft.parent_key is not None and named is None and "action_key" not in unread:
            message = f"No action has the key {draft.parent_key!r}."
            faults.add(f"{draft.path}.parent_key", message)
        if draft.parent_id is not None and numbered is None and "id" not in unread:
            faults.add(f"{draft.path}.parent_id", f"No action has the id {draft.parent_id}.")
        _set_parent(draft, named, numbered, faults)


def _set_parent(
    draft: ActionDraft, named: ActionDraft | None, numbered: ActionDraft | None, faults: Faults
) -> None:
    draft.parent = named if draft.parent_key is not None else numbered
    if named and numbered and named is not numbered:
        message = f"Is the id of {numbered.key!r}, but parent_key names {named.key!r}."
        faults.add(f"{draft.path}.parent_id", message)


def _check_cycles(drafts: list[ActionDraft], faults: Faults) -> set[ActionDraft]:
    """Report each cycle once, at its first action; the drafts that are part of one."""
    settled: set[ActionDraft] = set()
    looped: set[ActionDraft] = set()
    for draft in drafts:
        trail: dict[ActionDraft, None] = {}
        at: ActionDraft | None = draft
        while at is not None and at not in settled and at not in trail:
            trail[at] = None
            at = at.parent
        if at is not None and at in trail:
            walked = list(trail)
            cycle = walked[walked.index(at) :]
            looped.update(cycle)
            _report_cycle(min(cycle, key=drafts.index), faults)
        settled.update(trail)
    return looped


def _report_cycle(draft: ActionDraft, faults: Faults) -> None:
    keys = [draft.key]
    above = draft.parent
    while above is not None and above is not draft and len(keys) < 6:
        keys.append(above.key)
        above = above.parent
    keys.append("…" if above is not draft else draft.key)
    named = "parent_key" if draft.parent_key is not None else "parent_id"
    faults.add(f"{draft.path}.{named}", f"Would stand under itself: {' → '.join(keys)}.")


def _find_branch(draft: ActionDraft, parent: ActionDraft, faults: Faults) -> None:
    given = draft.given.get("parent_branch") or None
    path = f"{draft.path}.parent_branch"
    if parent.type is None:
        draft.branch = given
        return
    labels = parent.branches
    known = ", ".join(labels)
    if not labels:
        faults.add(path, f"Nothing can follow {parent.key!r}.")
    elif given is None:
        draft.branch = NEXT if NEXT in labels else None
        if draft.branch is None:
            faults.add(path, f"Say which branch of {parent.key!r}: {known}.")
    elif given not in labels:
        faults.add(path, f"{parent.key!r} has no branch {given!r}; it has: {known}.")
    else:
        draft.branch = given


def _take_place(draft: ActionDraft, parent: ActionDraft, branch: str, faults: Faults) -> None:
    other = parent.children.setdefault(branch, draft)
    if other is not draft:
        message = f"{other.key!r} stands under {branch!r} of {parent.key!r} already."
        faults.add(f"{draft.path}.parent_branch", message)


def _check_depth(drafts: list[ActionDraft], looped: set[ActionDraft], faults: Faults) -> None:
    """Say where each chain gets too deep, not of everything below."""
    depths: dict[ActionDraft, int] = {}
    for draft in drafts:
        trail: list[ActionDraft] = []
        at: ActionDraft | None = draft
        while at is not None and at not in depths and at not in looped:
            trail.append(at)
            at = at.parent
        depth = depths.get(at, 0) if at is not None else 0
        for each in reversed(trail):
            depth += 1
            depths[each] = depth
    for draft in drafts:
        if depths.get(draft) == MAX_DEPTH + 1:
            faults.add(f"{draft.path}.parent_key", f"Is deeper than {MAX_DEPTH} actions.")
