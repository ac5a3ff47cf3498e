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
TRIGGER_TYPES = OpenApiExample(
    "Trigger types", response_only=True, value={"trigger_types": catalogue.trigger_types()}
)
ACTION_TYPES = OpenApiExample(
    "Action types", response_only=True, value={"action_types": catalogue.action_types()}
)
