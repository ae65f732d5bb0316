// Package ketchworker: controllers, middlewares and type checkers of Ketch in Go; each is one function.
//
//	func main() { ketchworker.Serve(greet) }
//
//	func greet(call *ketchworker.Call) (ketchworker.Fields, error) {
//		var args struct{ Name string }
//		if err := call.Bind(&args); err != nil {
//			return nil, err
//		}
//		if args.Name == "" {
//			return nil, ketchworker.HTTPError(404, "no_such_person", "there is nobody without a name")
//		}
//		return ketchworker.Fields{"text": "Hello, " + args.Name}, nil
//	}
//
// The same program runs as a worker, which answers many calls, and as a program for each call: the server says which.
// One file with nothing but the standard library, for Go 1.19 and newer. What is printed goes to stderr, and from there
// into the server's log, so that it cannot get in the way of the protocol.
package ketchworker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// Fields are the output fields of a call.
type Fields map[string]any

// Status gives the reply a status of its own: Fields{"id": 7}.Status(201).
func (fields Fields) Status(code int) Fields {
	with := Fields{"_STATUS_": code}
	for name, value := range fields {
		with[name] = value
	}
	return with
}

// Caller is who calls, as far as the middlewares know.
type Caller struct {
	ID     string   `json:"id"`
	Email  string   `json:"email"`
	Scopes []string `json:"scopes"`
}

// Call is what a controller is given. Every argument has been converted and checked.
type Call struct {
	Method string
	Route  string
	Path   string
	// Args are the arguments as encoding/json reads them, numbers as json.Number.
	Args map[string]any
	// Files are the paths of files that came with the request, by argument. They are gone when the call has ended.
	Files         map[string]string
	Caller        Caller
	Authorization string
	RequestID     string
	// TimeLeft is the time until the endpoint's deadline, when the call was sent; 0 when it is not known.
	TimeLeft time.Duration

	raw json.RawMessage
}

// Bind reads the arguments into a struct, as json.Unmarshal does.
func (call *Call) Bind(into any) error {
	return json.Unmarshal(call.raw, into)
}

// Request is what a middleware sees of a request.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Query is as it was asked for, without its "?".
	Query string `json:"query"`
	// Headers have names in lower case.
	Headers map[string]string `json:"headers"`
	Peer    string            `json:"peer"`
	Route   string            `json:"route"`
	// Required is what the endpoint needs: one of these lists, all of it. Empty: everyone may call.
	Required [][]string `json:"required"`
	// Scope is what the middlewares before this one have granted.
	Scope     []string `json:"scope"`
	RequestID string   `json:"request_id"`
}

// Verdict is what a middleware says. All of it may be left out.
type Verdict struct {
	Scope   []string          `json:"scope,omitempty"`
	Claims  map[string]any    `json:"claims,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Status and Body answer in place of the endpoint.
	Status int `json:"status,omitempty"`
	Body   any `json:"body,omitempty"`
}

// Functions are what a program answers with; those that are nil it has not.
type Functions struct {
	// Call answers every method that has no function of its own.
	Call                          func(*Call) (Fields, error)
	Get, Post, Put, Patch, Delete func(*Call) (Fields, error)
	// Inspect is a middleware. It refuses a request by an HTTPError.
	Inspect func(*Request) (Verdict, error)
	// Match and Check are a type checker.
	Match func(name string) (bool, error)
	Check func(name string, value any) (bool, error)
}

type httpError struct {
	status        int
	code, message string
}

func (e *httpError) Error() string { return e.message }

// HTTPError is an answer that is no success: a status of 400 to 599, a stable code for programs, and words for people.
func HTTPError(status int, code, message string) error {
	if status < 400 || status > 599 {
		return fmt.Errorf("%d is no status of an error: 400 to 599 are (%s)", status, message)
	}
	return &httpError{status, code, message}
}

// Log writes a line into the server's log.
func Log(words ...any) { fmt.Fprintln(os.Stderr, words...) }

// Serve answers with one function for every method, until the server sends no more, and ends the program.
func Serve(call func(*Call) (Fields, error)) { ServeAll(Functions{Call: call}) }

// ServeAll answers what the server sends until it sends no more, and ends the program.
func ServeAll(functions Functions) {
	replies := os.Stdout
	os.Stdout = os.Stderr
	// Ctrl-C in a terminal reaches this process too; it is the server that ends it, by closing its input.
	signal.Ignore(syscall.SIGINT)
	if len(os.Args) > 1 {
		os.Exit(functions.once(os.Args[1:], replies))
	}
	os.Exit(functions.work(os.Stdin, replies))
}

// One process, many calls: JSON-RPC 2.0, a message a line.

type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type reply struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
}

type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    *told  `json:"data,omitempty"`
}

type told struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

func (functions Functions) work(from io.Reader, to io.Writer) int {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return 0
		}
		text, err := json.Marshal(functions.reply(line))
		if err != nil {
			Log(err)
			return 1
		}
		if _, err := to.Write(append(text, '\n')); err != nil {
			return 0
		}
	}
}

func (functions Functions) reply(line []byte) reply {
	var asked message
	if err := json.Unmarshal(line, &asked); err != nil {
		Log("the server sent a line that is no JSON:", err)
		return reply{Version: "2.0", ID: json.RawMessage("null"), Error: &failure{-32700, "the line is no JSON", nil}}
	}
	result, err := guarded(func() (any, error) { return functions.dispatch(asked.Method, asked.Params) })
	var text json.RawMessage
	if err == nil {
		text, err = json.Marshal(result)
	}
	if err == nil {
		return reply{Version: "2.0", ID: asked.ID, Result: text}
	}
	failed := &failure{Code: -32603, Message: err.Error()}
	var refused *httpError
	if errors.As(err, &refused) {
		failed = &failure{1, refused.message, &told{refused.status, refused.code}}
	} else if errors.Is(err, errUnknown) {
		failed.Code = -32601
	} else {
		Log(err)
	}
	return reply{Version: "2.0", ID: asked.ID, Error: failed}
}

var errUnknown = errors.New("this program has no such function")

func (functions Functions) dispatch(method string, params json.RawMessage) (any, error) {
	switch {
	case method == "call":
		call, err := newCall(params)
		if err != nil {
			return nil, err
		}
		return functions.answer(call)
	case method == "inspect" && functions.Inspect != nil:
		var request Request
		if err := json.Unmarshal(params, &request); err != nil {
			return nil, err
		}
		return functions.verdict(&request)
	case method == "match" && functions.Match != nil, method == "check" && functions.Check != nil:
		var asked struct {
			Name  string `json:"name"`
			Value any    `json:"value"`
		}
		if err := decode(params, &asked); err != nil {
			return nil, err
		}
		if method == "match" {
			return functions.Match(asked.Name)
		}
		return functions.Check(asked.Name, asked.Value)
	}
	return nil, errUnknown
}

func (functions Functions) verdict(request *Request) (Verdict, error) {
	verdict, err := functions.Inspect(request)
	var refused *httpError
	if errors.As(err, &refused) {
		return Verdict{Status: refused.status, Body: Fields{"code": refused.code, "message": refused.message}}, nil
	}
	return verdict, err
}

func (functions Functions) answer(call *Call) (Fields, error) {
	byMethod := map[string]func(*Call) (Fields, error){
		"GET": functions.Get, "POST": functions.Post, "PUT": functions.Put,
		"PATCH": functions.Patch, "DELETE": functions.Delete,
	}
	function := byMethod[call.Method]
	if function == nil {
		function = functions.Call
	}
	if function == nil {
		return nil, errUnknown
	}
	fields, err := function(call)
	if fields == nil {
		fields = Fields{}
	}
	return fields, err
}

// One process, one call: what is asked stands in the arguments, JSON goes in and comes out.

func (functions Functions) once(argv []string, to io.Writer) int {
	said, err := guarded(func() (any, error) { return functions.said(argv) })
	var refused *httpError
	if errors.As(err, &refused) {
		said, err = Fields{"_STATUS_": refused.status, "code": refused.code, "message": refused.message}, nil
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(said)
	}
	if err == nil {
		_, err = to.Write(text)
	}
	if err != nil {
		Log(err)
		return 1
	}
	return 0
}

func (functions Functions) said(argv []string) (any, error) {
	what := argv[0]
	if what == "MATCH" && functions.Match != nil && len(argv) > 1 {
		return functions.Match(argv[1])
	}
	if strings.HasPrefix(what, "[") && functions.Inspect != nil { // A project with an aicra.json: scopes in, scopes out.
		request := Request{}
		if err := json.Unmarshal([]byte(what), &request.Scope); err != nil {
			return nil, err
		}
		verdict, err := functions.verdict(&request)
		return append([]string{}, verdict.Scope...), err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text)) == 0 && len(argv) > 1 {
		text = []byte(argv[1])
	}
	switch {
	case what == "CHECK" && functions.Check != nil:
		return functions.dispatch("check", text)
	case what == "INSPECT" && functions.Inspect != nil:
		return functions.dispatch("inspect", text)
	}
	call, err := newCall([]byte(`{"args":` + string(text) + `}`))
	if err != nil {
		return nil, err
	}
	call.Method = what
	return functions.answer(call)
}

// guarded makes an error of a panic: it is this call's failure and no other's.
func guarded(work func() (any, error)) (result any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			os.Stderr.Write(debug.Stack())
			result, err = nil, fmt.Errorf("panic: %v", cause)
		}
	}()
	return work()
}

func newCall(params []byte) (*Call, error) {
	var given struct {
		Method    string            `json:"method"`
		Route     string            `json:"route"`
		Path      string            `json:"path"`
		Args      json.RawMessage   `json:"args"`
		Files     map[string]string `json:"files"`
		RequestID string            `json:"request_id"`
		TimeLeft  int64             `json:"time_left_ms"`
	}
	if err := json.Unmarshal(params, &given); err != nil {
		return nil, err
	}
	call := &Call{
		Method: given.Method, Route: given.Route, Path: given.Path, Args: map[string]any{}, Files: given.Files,
		RequestID: given.RequestID, TimeLeft: time.Duration(given.TimeLeft) * time.Millisecond, raw: given.Args,
	}
	var special struct {
		Caller        Caller `json:"_CALLER_"`
		Authorization string `json:"_AUTHORIZATION_"`
	}
	if len(given.Args) == 0 {
		call.raw = []byte("{}")
	}
	if err := json.Unmarshal(call.raw, &special); err != nil {
		return nil, err
	}
	if err := decode(call.raw, &call.Args); err != nil {
		return nil, err
	}
	for _, name := range []string{"_HTTP_METHOD_", "_SCOPE_", "_AUTHORIZATION_", "_CALLER_"} {
		delete(call.Args, name)
	}
	call.Caller, call.Authorization = special.Caller, special.Authorization
	return call, nil
}

// decode keeps the digits of numbers.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}
