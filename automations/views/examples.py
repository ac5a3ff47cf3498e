"""Examples of the API's documents."""

from drf_spectacular.utils import OpenApiExample

from automations import catalogue

WELCOME_FLOW = OpenApiExample(
    "Welcome flow",
    request_only=True,
    value={
        "title": "Welcome flow",
        "triggers": [{"trigger_type": "contact_create"}],
        "actions": [
            {
                "action_key": "msg1",
                "action_type": "message",
                "content": "Hey, thanks for connecting!",
            }
        ],
    },
)
KEYWORD_TO_IMAGE = OpenApiExample(
    "Send an image to whoever writes hello",
    request_only=True,
    value={
        "title": "Hello",
        "active": True,
        "triggers": [{"trigger_type": "message", "options": {"keywords": ["hello"]}}],
        "actions": [
            {
                "action_key": "hi",
                "action_type": "message",
                "content": '{Hi|Hello} {{contact.name|default:"there"}}',
            },
            {
                "action_key": "photo",
                "parent_key": "hi",
                "action_type": "image",
                "media_file": {"file_url": "https://mybrand.com/welcome.jpg"},
            },
        ],
    },
)
SCENARIO = OpenApiExample(
    "Welcome flow as it is stored",
    response_only=True,
    value={
        "id": 7,
        "title": "Welcome flow",
        "active": False,
        "scenario_type": "custom",
        "webhook_url": None,
        "generation_data": None,
        "triggers": [{"id": 11, "trigger_type": "contact_create", "options": {}}],
        "actions": [
            {
                "id": 31,
                "action_key": "msg1",
                "action_type": "message",
                "parent_id": None,
                "parent_key": None,
                "parent_branch": None,
                "content": "Hey, thanks for connecting!",
                "options": {},
                "media_file": None,
                "conversion_link": None,
                "survey": None,
                "folder": None,
            }
        ],
        "metrics": {
            "executions": {"total": 312, "last_7_days": 48},
            "conversions": {"total": 0, "last_7_days": 0},
        },
        "warnings": [],
        "created_at": "2026-11-21T09:30:00.000000Z",
        "updated_at": "2026-11-21T09:30:00.000000Z",
    },
)
QUESTION = OpenApiExample(
    "Ask, and answer by the reply",
    request_only=True,
    value={
        "title": "Interested?",
        "active": True,
        "triggers": [{"trigger_type": "contact_create"}],
        "actions": [
            {
                "action_key": "q1",
                "action_type": "ask_question",
                "content": "Are you interested?",
                "options": {"answers": ["Yes", {"label": "No", "keywords": ["nope"]}]},
            },
            {
                "action_key": "yes",
                "parent_key": "q1",
                "parent_branch": "option_0",
                "action_type": "message",
                "content": "Great!",
            },
            {
                "action_key": "no",
                "parent_key": "q1",
                "parent_branch": "option_1",
                "action_type": "message",
                "content": "No problem.",
            },
        ],
    },
)
_EXECUTION = {
    "id": 910,
    "scenario_id": 7,
    "scenario_title": "Interested?",
    "contact_id": 52,
    "channel_id": 3,
    "trigger_type": "contact_create",
    "status": "waiting",
    "reason_code": None,
    "current_action": "q1",
    "wake_at": "2026-11-22T09:30:02.411000Z",
    "variables": {"trigger": {"message": "Hello"}},
    "created_at": "2026-11-21T09:30:00.000000Z",
    "finished_at": None,
}
EXECUTION = OpenApiExample("A question that waits", response_only=True, value=_EXECUTION)
EXECUTION_IN_FULL = OpenApiExample(
    "A question that waits, step by step",
    response_only=True,
    value={
        **_EXECUTION,
        "steps": [
            {
                "number": 1,
                "action_key": "q1",
                "action": {
                    "action_key": "q1",
                    "action_type": "ask_question",
                    "content": "Are you interested?",
                    "options": {"expires_in": 86400, "answers": ["Yes", "No"]},
                    "media_file": None,
                    "children": {"option_0": "yes", "option_1": "no"},
                },
                "branch": None,
                "status": "waiting",
                "error": None,
                "answer": None,
                "attempts": 1,
                "at": "2026-11-21T09:30:00.000000Z",
            }
        ],
    },
)
TITLE_CHANGE = OpenApiExample(
    "Rename it and switch it on", request_only=True, value={"title": "Welcome", "active": True}
)
ACTIONS_CHANGE = OpenApiExample(
    "Change a text and add an action behind it",
    request_only=True,
    value={
        "actions": [
            {"id": 31, "content": "Hey, thanks for connecting with us!"},
            {"action_type": "message", "content": "What can we do for you?", "parent_id": 31},
        ]
    },
)
VALIDATION = OpenApiExample(
    "A fault",
    response_only=True,
    value={
        "valid": False,
        "details": {"actions.1.parent_key": ["No action has the key 'q9'."]},
        "warnings": [],
    },
)
EXPORT = OpenApiExample(
    "A scenario with an image",
    response_only=True,
    value={
        "title": "Hello",
        "active": True,
        "scenario_type": "custom",
        "triggers": [{"trigger_type": "message", "options": {"keywords": ["hello"]}}],
        "actions": [
            {
                "action_key": "photo",
                "action_type": "image",
                "parent_key": None,
                "parent_branch": None,
                "content": "",
                "options": {},
                "media_file": {"file_url": "https://inro.example/media/123:Zm9vYmFy/welcome.jpg"},
                "conversion_link": None,
                "survey": None,
                "folder": None,
            }
        ],
        "warnings": [],
    },
)
_REVISION = {
    "number": 2,
    "actor": "Shop (apitk_1a2b3c4d5e6f…)",
    "restored_from": None,
    "changes": [
        {
            "change": "changed",
            "path": "actions.msg1.content",
            "before": "Hey, thanks for connecting!",
            "after": "Hey, thanks for connecting with us!",
        }
    ],
    "created_at": "2026-11-21T09:30:00.000000Z",
}
REVISION = OpenApiExample("A change", response_only=True, value=_REVISION)
REVISION_IN_FULL = OpenApiExample(
    "A change in full",
    response_only=True,
    value={
        **_REVISION,
        "title": "Welcome flow",
        "active": False,
        "scenario_type": "custom",
        "triggers": [{"trigger_type": "contact_create", "options": {}}],
        "actions": [
            {
                "action_key": "msg1",
                "action_type": "message",
                "parent_key": None,
                "parent_branch": None,
                "content": "Hey, thanks for connecting with us!",
                "options": {},
                "media_file": None,
            }
        ],
    },
)
TRIGGER_TYPES = OpenApiExample(
    "Trigger types", response_only=True, value={"trigger_types": catalogue.trigger_types()}
)
ACTION_TYPES = OpenApiExample(
    "Action types", response_only=True, value={"action_types": catalogue.action_types()}
)
