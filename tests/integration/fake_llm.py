#!/usr/bin/python3
"""A scripted, OpenAI-compatible server. Prints its port, then serves until it is killed.

    fake_llm.py [SCRIPT.json] [--port N] [--api-key KEY]

The script is a list of rules, given as a file or by POST /__script (which replaces it). The first
rule whose texts all occur in the request wins:

    match     a text or a list of texts; absent: every request
    times     how often the rule may win; absent: always
    reply     the assistant's text; an object becomes its JSON. With `status` from 300 on it is the
              body of the error (an object as it is)
    tool_calls  list of {id, name, arguments}
    usage     {prompt_tokens, completion_tokens, ...}; absent: counted from the texts
    status, headers, model, finish   of the reply
    delay_ms  wait before the first byte
    chunk     characters of one piece of a stream, 16 by default
    wire      bytes of one write to the socket of a stream; absent: one write for each event
    crlf      true: lines of a stream end in CR LF
    hold      pieces after which a stream waits for POST /__release; any other reply waits at once
    fault     cut (the connection closes in the middle), truncate (valid HTTP, half a body), garbage
              (no JSON at all), error_body (200 with an error), stream_error (an error inside the
              stream), no_usage, hang (no answer), huge (`size` bytes of text, 300 MB by default)
    refuse    names of request members that the server answers with 400: ["response_format"]

GET /__requests gives the requests so far: [{path, headers, body, at}]; GET /__stats {requests,
unmatched, open}; POST /__reset forgets rules and requests.
"""

import argparse
import http.server
import json
import socket
import sys
import threading
import time

LOCK = threading.Lock()
STATE = {"rules": [], "requests": [], "unmatched": 0, "open": 0}
RELEASED = threading.Event()
DEFAULT_HUGE = 300_000_000


def texts_of(body):
    """All that a rule may match: the raw text, and what a person would read in it."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body, None
    parts = [body, json.dumps(parsed, ensure_ascii=False)]
    for message in parsed.get("messages", []) if isinstance(parsed, dict) else []:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            parts.append(content)
        elif isinstance(content, list):
            parts.extend(part.get("text", "") for part in content if isinstance(part, dict))
    return "\n".join(parts), parsed


def choose(text):
    """The rule that answers, or None."""
    with LOCK:
        for rule in STATE["rules"]:
            match = rule.get("match", [])
            match = [match] if isinstance(match, str) else match
            if rule.get("times", 1) > 0 and all(part in text for part in match):
                if "times" in rule:
                    rule["times"] -= 1
                return rule
        STATE["unmatched"] += 1
    return None


class Cut(Exception):
    """The connection is to be closed without more words."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart
    api_key = None

    def log_message(self, format, *args):
        sys.stderr.write("%s %s\n" % (self.path, format % args))

    # -- plumbing

    def send_json(self, value, status=200, headers=None):
        data = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, content in (headers or {}).items():
            self.send_header(name, content)
        self.end_headers()
        self.wfile.write(data)

    def read_body(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    return data.decode("utf-8", "replace")
        return self.rfile.read(length).decode("utf-8", "replace")

    def send_piece(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    # -- verbs

    def do_GET(self):
        with LOCK:
            answers = {
                "/__requests": list(STATE["requests"]),
                "/__stats": {"requests": len(STATE["requests"]), "unmatched": STATE["unmatched"],
                             "open": STATE["open"]},
            }
        if self.path in answers:
            self.send_json(answers[self.path])
        elif self.path.endswith("/models"):
            self.send_json({"object": "list", "data": [{"id": "test-model", "object": "model"}]})
        else:
            self.send_json({"error": {"message": "no such path", "type": "not_found"}}, 404)

    def do_POST(self):
        body = self.read_body()
        if self.path == "/__script":
            rules = json.loads(body)
            with LOCK:
                STATE["rules"] = rules if isinstance(rules, list) else [rules]
            self.send_json(None)
        elif self.path == "/__release":
            RELEASED.set()
            self.send_json(None)
        elif self.path == "/__reset":
            with LOCK:
                STATE.update(rules=[], requests=[], unmatched=0)
            self.send_json(None)
        elif self.path.split("?")[0].endswith("/chat/completions"):
            with LOCK:
                STATE["open"] += 1
            try:
                self.complete(body)
            except (Cut, BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with LOCK:
                    STATE["open"] -= 1
        else:
            self.send_json({"error": {"message": "no such path", "type": "not_found"}}, 404)

    # -- chat completions

    def complete(self, body):
        text, request = texts_of(body)
        with LOCK:
            STATE["requests"].append({
                "path": self.path, "headers": dict(self.headers.items()), "at": time.time(),
                "body": request if request is not None else body})
        if self.api_key and self.headers.get("Authorization") != f"Bearer {self.api_key}":
            self.send_json({"error": {"message": "Incorrect API key provided: " +
                                      self.headers.get("Authorization", ""),
                                      "type": "invalid_request_error",
                                      "code": "invalid_api_key"}}, 401)
            return
        if not isinstance(request, dict) or not request.get("messages") or not request.get("model"):
            self.send_json({"error": {"message": "the request has no messages or no model",
                                      "type": "invalid_request_error", "code": None}}, 400)
            return
        rule = choose(text)
        if rule is None:
            self.send_json({"error": {"message": "no rule of the script matches",
                                      "type": "invalid_request_error", "code": None}}, 400)
            return
        for name in rule.get("refuse", []):
            kind = (request.get("response_format") or {}).get("type")
            if name in request or name == kind:
                self.send_json({"error": {"message": f"Unsupported parameter: '{name}'",
                                          "type": "invalid_request_error", "param": name,
                                          "code": "unsupported_parameter"}}, 400)
                return
        if rule.get("delay_ms"):
            time.sleep(rule["delay_ms"] / 1000)
        fault = rule.get("fault")
        if fault == "hang":
            self.connection.settimeout(600)
            self.connection.recv(1)
            raise Cut
        status = rule.get("status", 200)
        if status >= 300:
            reply = rule.get("reply", {"error": {"message": "scripted", "type": "scripted"}})
            reply = reply if isinstance(reply, dict) else {"error": {"message": reply}}
            self.send_json(reply, status, rule.get("headers"))
        elif fault == "error_body":
            reply = rule.get("error", {"message": "The server had an error", "type": "server_error",
                                       "code": None})
            self.send_json({"error": reply}, 200, rule.get("headers"))
        elif request.get("stream"):
            self.stream(rule, request, fault)
        else:
            self.whole(rule, request, fault)

    def parts(self, rule, request):
        """Text, tool calls, reason of the end, usage, what all chunks have."""
        reply = rule.get("reply", "" if rule.get("tool_calls") else "ok")
        text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
        calls = [{"id": call.get("id", f"call_{i}"), "type": "function", "function": {
            "name": call["name"], "arguments": call["arguments"] if isinstance(
                call["arguments"], str) else json.dumps(call["arguments"])}}
                 for i, call in enumerate(rule.get("tool_calls", []))]
        usage = dict(rule.get("usage") or {
            "prompt_tokens": len(json.dumps(request["messages"])) // 4 + 1,
            "completion_tokens": len(text) // 4 + 1})
        usage.setdefault("total_tokens",
                         usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0))
        with LOCK:
            number = len(STATE["requests"])
        common = {"id": f"chatcmpl-{number}", "created": int(time.time()),
                  "model": rule.get("model", request["model"])}
        return text, calls, rule.get("finish", "tool_calls" if calls else "stop"), usage, common

    def whole(self, rule, request, fault):
        text, calls, finish, usage, common = self.parts(rule, request)
        message = {"role": "assistant", "content": None if calls and not text else text}
        if calls:
            message["tool_calls"] = calls
        if rule.get("refusal"):
            message.update(content=None, refusal=rule["refusal"])
        reply = {**common, "object": "chat.completion",
                 "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
        if fault != "no_usage":
            reply["usage"] = usage
        data = json.dumps(reply, ensure_ascii=False).encode()
        if fault == "truncate":
            data = data[:len(data) // 2]
        elif fault == "garbage":
            data = b"<html>\x00\xff this is no JSON {{{" * 4
        length = len(data)
        if "hold" in rule:
            self.wait_release()
        if fault == "huge":
            head, tail = data.split(b'"content": "', 1)
            head += b'"content": "'
            size = rule.get("size", DEFAULT_HUGE)
            length = len(head) + size + len(tail)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, content in rule.get("headers", {}).items():
            self.send_header(name, content)
        self.end_headers()
        if fault == "huge":
            self.wfile.write(head)
            for at in range(0, size, 1 << 20):
                self.wfile.write(b"x" * min(1 << 20, size - at))
            self.wfile.write(tail)
        elif fault == "cut":
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            raise Cut
        else:
            self.wfile.write(data)

    def events(self, rule, request, fault):
        """The events of a stream, as objects or raw bytes."""
        text, calls, finish, usage, common = self.parts(rule, request)
        common["object"] = "chat.completion.chunk"

        def chunk(delta, reason=None):
            return {**common,
                    "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

        yield chunk({"role": "assistant", "content": ""})
        size = rule.get("chunk", 16)
        if fault == "huge":
            for _ in range(0, rule.get("size", DEFAULT_HUGE), 1 << 20):
                yield chunk({"content": "x" * (1 << 20)})
        pieces = [text[at:at + size] for at in range(0, len(text), size)]
        for number, piece in enumerate(pieces):
            if number == rule.get("hold"):
                self.wait_release()
            if number >= max(1, len(pieces) // 2):
                if fault == "cut":
                    raise Cut
                if fault == "truncate":
                    return
                if fault == "stream_error":
                    yield {"error": rule.get("error", {
                        "message": "The server had an error", "type": "server_error"})}
                    return
            yield chunk({"content": piece})
        if fault == "cut":
            raise Cut
        if fault == "truncate":
            return
        for index, call in enumerate(calls):
            arguments = call["function"]["arguments"]
            yield chunk({"tool_calls": [{"index": index, **call, "function": {
                "name": call["function"]["name"], "arguments": ""}}]})
            for at in range(0, len(arguments), size):
                yield chunk({"tool_calls": [{
                    "index": index, "function": {"arguments": arguments[at:at + size]}}]})
        yield chunk({}, finish)
        wanted = (request.get("stream_options") or {}).get("include_usage")
        if wanted and fault != "no_usage":
            yield {**common, "choices": [], "usage": usage}
        yield "[DONE]"

    def wait_release(self):
        """Until the test says so, or the client is gone."""
        self.connection.settimeout(0.02)
        while not RELEASED.is_set():
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    raise Cut
            except TimeoutError:
                pass
        self.connection.settimeout(None)

    def stream(self, rule, request, fault):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        for name, content in rule.get("headers", {}).items():
            self.send_header(name, content)
        self.end_headers()
        end = "\r\n" if rule.get("crlf") else "\n"
        wire = rule.get("wire")
        if fault == "garbage":
            self.send_piece(b"<html>\x00\xff this is no stream {{{\n" * 4)
        else:
            self.send_piece((": a comment" + end + end).encode())
            for event in self.events(rule, request, fault):
                data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
                data = f"data: {data}{end}{end}".encode()
                for at in range(0, len(data), wire or len(data)):
                    self.send_piece(data[at:at + (wire or len(data))])
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        """A client that left is no news."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", nargs="?")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key")
    args = parser.parse_args()
    if args.script:
        with open(args.script, encoding="utf-8") as file:
            STATE["rules"] = json.load(file)
    Handler.api_key = args.api_key
    server = Server(("127.0.0.1", args.port), Handler)
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
