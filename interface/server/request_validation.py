"""Bodies of POST requests: parsed, checked against what the app offers, and rebuilt from the known fields."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, RootModel, StringConstraints, ValidationError

from .routes import API

NO_ENDPOINT = "There is no such endpoint. The existing ones are listed behind 'Use via API' and at /gradio_api/info."
NO_IMAGE = "The image must be a file as /gradio_api/upload or gradio_client.handle_file gives it."
SCALARS = {"number": (float, int), "slider": (float, int), "textbox": (str,), "checkbox": (bool,), "image": (dict,)}
Key = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,100}$")]


class RefusedError(Exception):
    """The answer to a request that goes no further."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class Body(BaseModel):
    model_config = ConfigDict(strict=True, ser_json_inf_nan="constants")


class Join(Body):
    """An event of the page."""

    data: list[Any]
    session_hash: Key
    fn_index: int
    trigger_id: int | None = None
    event_data: Any = None


class Call(Body):
    """A call of an endpoint, its arguments in order."""

    data: list[Any]
    session_hash: Key | None = None


class CallByName(RootModel[dict[str, Any]]):
    """A call of an endpoint, its arguments by name."""

    model_config = ConfigDict(strict=True, ser_json_inf_nan="constants")


class Cancel(Body):
    session_hash: Key
    fn_index: int
    event_id: Key


class Reset(Body):
    event_id: Key


class ServerFunction(Body):
    """A call of a component's server function."""

    component_id: int
    fn_name: str
    session_hash: Key
    data: Any = None


class RequestValidator:
    """Checks bodies against the events, endpoints and server functions of `demo`, a Blocks that is mounted."""

    def __init__(self, demo):
        config = demo.config
        self.events = {event["id"]: event for event in config["dependencies"] if event["backend_fn"]}
        self.endpoints = {e["api_name"]: e for e in self.events.values() if e["api_visibility"] == "public"}
        self.types = {component["id"]: component["type"] for component in config["components"]}
        self.functions = {(c["id"], name) for c in config["components"] for name in c["props"].get("server_fns") or ()}
        self.parameters = {
            name.removeprefix("/"): {p["parameter_name"]: p["parameter_has_default"] for p in endpoint["parameters"]}
            for name, endpoint in demo.get_api_info()["named_endpoints"].items()
        }

    def check(self, path: str, body: bytes) -> tuple[bytes, str]:
        """The body to pass on, and what it starts: "call", the number of an event of the page, or "".

        Files in it are reduced to their names, so that Gradio neither opens a path nor fetches an address. Raises
        RefusedError.
        """
        action = path.removeprefix(f"{API}/")
        try:
            if action == "queue/join":
                join = Join.model_validate_json(body)
                event = self.events.get(join.fn_index)
                if event is None:
                    raise RefusedError(404, "There is no such event.")
                join.data = self._arguments(join.data, event)
                kind = "call" if event["api_visibility"] == "public" else str(join.fn_index)
                return join.model_dump_json().encode(), kind
            if action.startswith("call/v2/"):
                return self._by_name(action.removeprefix("call/v2/"), body), "call"
            if action.startswith("call/"):
                call = Call.model_validate_json(body)
                call.data = self._arguments(call.data, self._endpoint(action.removeprefix("call/")))
                return call.model_dump_json(exclude_none=True).encode(), "call"
            if action == "component_server":
                function = ServerFunction.model_validate_json(body)
                if (function.component_id, function.fn_name) not in self.functions:
                    raise RefusedError(404, "There is no such function.")
                return function.model_dump_json().encode(), ""
            model = Cancel if action == "cancel" else Reset
            return model.model_validate_json(body).model_dump_json().encode(), ""
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RefusedError(400, f"The body does not fit: {where or 'JSON'}: {first['msg']}") from None

    def _endpoint(self, name: str) -> dict:
        if name not in self.endpoints:
            raise RefusedError(404, NO_ENDPOINT)
        return self.endpoints[name]

    def _arguments(self, data: list, event: dict) -> list:
        if len(data) != len(event["inputs"]):
            raise RefusedError(400, f"data must have {len(event['inputs'])} values; got {len(data)}.")
        for number, (component, value) in enumerate(zip(event["inputs"], data, strict=True)):
            kind = self.types[component]
            types = SCALARS.get(kind)  # Gradio would log the value of a wrong type
            null = kind != "slider"  # compared with its range
            if types and type(value) not in types and not (null and value is None):
                wanted = f"{types[0].__name__}{' or null' if null else ''}"
                raise RefusedError(400, f"data.{number} does not fit: it must be {wanted}.")
        return _names_only(data)

    def _by_name(self, name: str, body: bytes) -> bytes:
        self._endpoint(name)
        values, parameters = CallByName.model_validate_json(body), self.parameters[name]
        unknown = sorted(values.root.keys() - parameters.keys())
        missing = [key for key, has_default in parameters.items() if not has_default and key not in values.root]
        if unknown or missing:
            problem = f"Unknown: {', '.join(unknown)[:200]}." if unknown else f"Missing: {', '.join(missing)}."
            raise RefusedError(400, f"{problem} Parameters: {', '.join(parameters) or 'none'}.")
        values.root = _names_only(values.root)
        return values.model_dump_json().encode()


def _names_only(value: Any) -> Any:
    """The value with each file in it as {"path": its name}: without 'meta', Gradio does not take it for a file."""
    if isinstance(value, list):
        return [_names_only(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not value.keys() & {"path", "url", "meta"}:
        return {key: _names_only(item) for key, item in value.items()}
    name = value.get("path") or value.get("url")
    if not isinstance(name, str):
        raise RefusedError(400, NO_IMAGE)
    return {"path": name}
