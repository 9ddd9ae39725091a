"""The methods agents.sessions.* of apps that are agents, and the older assistant.threads.*.

Slack ends `assistant.threads.setStatus` in February 2027. Until then it works for every app.
"""

from __future__ import annotations

from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Conversation, Json, Session

SESSION_STATUSES = ("active", "processing", "suspended", "closed")
MAX_TITLE = 200
MAX_STATUS_MESSAGES = 10
MAX_PROMPTS = 4
NO_STOP = "missing_agent_session_stopped_event_subscription"
"""The warning of Slack while the app does not subscribe to the event of the Stop button."""


def set_session_status(request: ApiRequest) -> Json:
    """Set the status of a thread's session, which is created if there is none.

    `title` and `initiator_user_id` are used only for a new session.
    """
    conversation, thread = _thread_of_session(request)
    status = request.text("status")
    if status not in SESSION_STATUSES:
        raise ApiError("invalid_arguments", "[ERROR] must be a valid enum value [json-pointer:/status]")
    title, initiator = _title(request), request.text("initiator_user_id")
    if initiator and initiator not in conversation.members:
        raise ApiError("user_not_in_channel")
    sessions = request.state.sessions
    session = sessions.setdefault((conversation.id, thread), Session(status, title, initiator))
    session.status = status
    answer: Json = {"status": status, "agent_status": status, "title": session.title}
    if status == "processing" and "agent_session_stopped" not in request.state.subscribed:
        answer["warning"] = NO_STOP
    return answer


def rename_session(request: ApiRequest) -> Json:
    conversation, thread = _thread_of_session(request)
    session = request.state.sessions.get((conversation.id, thread))
    if session is None:
        raise ApiError("session_not_found")
    session.title = _title(request)
    return {"title": session.title}


def _thread_of_session(request: ApiRequest) -> tuple[Conversation, str]:
    """Return the conversation and the thread of a session. Unconfirmed: the error of an app that is not an agent."""
    if not request.state.app_config.is_agent:
        raise ApiError("not_allowed")
    conversation, thread = request.joined_conversation("channel_id"), request.text("thread_ts")
    if not thread:
        raise ApiError("invalid_arguments", "[ERROR] missing required field: thread_ts")
    if not any(message.ts == thread for message in conversation.messages):
        raise ApiError("invalid_thread_ts")
    return conversation, thread


def _title(request: ApiRequest) -> str:
    if len(request.text("title")) > MAX_TITLE:
        raise ApiError(
            "invalid_arguments", f"[ERROR] must be less than {MAX_TITLE + 1} characters [json-pointer:/title]"
        )
    return request.text("title")


# ---------------------------------------------------------------- assistant


def set_status(request: ApiRequest) -> Json:
    """Set the status line of a thread. The bot's next message there clears it."""
    conversation, ts = request.joined_conversation("channel_id"), request.text("thread_ts")
    if not any(message.ts == ts for message in conversation.messages):
        raise ApiError("invalid_thread_ts")
    if len(request.items("loading_messages")) > MAX_STATUS_MESSAGES:
        raise ApiError("invalid_arguments", "[ERROR] no more than 10 items allowed [json-pointer:/loading_messages]")
    request.state.statuses[conversation.id, ts] = request.text("status")
    return {}


def set_prompts(request: ApiRequest) -> Json:
    conversation, prompts = request.joined_conversation("channel_id"), request.json("prompts")
    if conversation.kind != "im":
        raise ApiError("channel_not_supported")
    if not isinstance(prompts, list) or not all({"title", "message"} <= set(each) for each in prompts):
        raise ApiError("invalid_arguments", "[ERROR] missing required field: prompts")
    if len(prompts) > MAX_PROMPTS:
        raise ApiError("invalid_arguments", f"[ERROR] no more than {MAX_PROMPTS} items allowed [json-pointer:/prompts]")
    request.state.prompts[conversation.id] = prompts
    return {}


METHODS = {
    "agents.sessions.setStatus": Method(set_session_status, ("chat:write",), ("channel_id", "status")),
    "agents.sessions.rename": Method(rename_session, ("chat:write",), ("channel_id", "title")),
    "assistant.threads.setStatus": Method(set_status, ("chat:write", "assistant:write"), ("channel_id", "thread_ts")),
    "assistant.threads.setSuggestedPrompts": Method(set_prompts, ("assistant:write",), ("channel_id", "prompts")),
}
