# Controllers, middlewares and type checkers of Ketch in Bash: each is one function.
#
#     #!/usr/bin/env bash
#     source lib/ketch-worker.sh
#
#     call() {
#       [[ -n ${args[name]} ]] || http_error 404 no_such_person "there is nobody without a name"
#       field text "Hello, ${args[name]}"
#     }
#
#     serve
#
# What may be defined: `call`, or `get`, `post`, `put`, `patch`, `delete` for one method each; `inspect` (a middleware);
# `match` and `check` (a type checker). The same file runs as a worker, which answers many calls, and as a program for
# each call: the server says which.
#
# One file without dependencies, for Bash 4.3 and newer; it reads JSON by itself. What user code prints goes to stderr, and
# from there into the server's log. Each call runs in a subshell: `exit` ends the call, and what it changes is gone after.
# A function that ends with another status than 0 has failed, as a script has. Text cannot hold a NUL in Bash: such a call
# fails. Megabytes of JSON want another language.

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 403)); then
  echo "ketch-worker.sh needs Bash 4.3 or newer, and this is $BASH_VERSION" >&2
  exit 1
fi

# The protocol's ways in and out. Whatever else reads or writes has nothing to do with it.
exec {_ketch_in}<&0 </dev/null {_ketch_out}>&1 1>&2
_ketch_argv=("$@")

# ---- What a call is given ----------------------------------------------------------------------------------------------

# `args` holds text as it is, and everything else as JSON; `kinds` tells which: string, number, bool, null, object, array.
# `files` are the paths of files that came with the request. For `inspect`: `path`, `query`, `headers` (names in lower
# case), `peer`, `required` (JSON: one of the lists, all of it) and `scopes`, which the middlewares before have granted.
declare -A args=() kinds=() files=() headers=()
declare -a scopes=()
method='' route='' path='' query='' peer='' required='' request_id='' authorization='' caller_id='' caller_email=''

# ---- What a function may say -------------------------------------------------------------------------------------------

_ketch_fields='' _ketch_granted='' _ketch_claims='' _ketch_headers=''

# field NAME TEXT: an output field that is text.
field() {
  _ketch_quote "$2"
  _ketch_member _ketch_fields "$1" "$REPLY"
}

# field_json NAME JSON: an output field that is a number, `true`, `null`, a list or an object.
field_json() {
  _ketch_is_json "$2" || _ketch_mistake "field_json $1: this is no JSON: $2"
  _ketch_member _ketch_fields "$1" "${2//$'\n'/ }"
}

# status NUMBER: the reply's status, if it is another than 200.
status() {
  [[ $1 =~ ^[1-5][0-9][0-9]$ ]] || _ketch_mistake "status: $1 is none"
  _ketch_member _ketch_fields _STATUS_ "$1"
}

# http_error STATUS CODE MESSAGE: ends the call. STATUS is 400 to 599, CODE is for programs, MESSAGE for people.
http_error() {
  [[ $1 =~ ^[45][0-9][0-9]$ ]] || _ketch_mistake "http_error: $1 is no status of an error: 400 to 599 are"
  local code message
  _ketch_quote "$2"; code=$REPLY
  _ketch_quote "$3"; message=$REPLY
  if [[ $_ketch_running == inspect ]]; then
    printf '{"status":%s,"body":{"code":%s,"message":%s}}' "$1" "$code" "$message" >&"$_ketch_said"
    exit 0
  elif ((${#_ketch_argv[@]})); then
    printf '{"_STATUS_":%s,"code":%s,"message":%s}' "$1" "$code" "$message" >&"$_ketch_said"
  else
    printf '{"code":1,"message":%s,"data":{"status":%s,"code":%s}}' "$message" "$1" "$code" >&"$_ketch_said"
  fi
  exit "$_ketch_http_error"
}

# For `inspect`. grant SCOPE …: what the caller may.
grant() {
  local scope
  for scope; do
    _ketch_quote "$scope"
    _ketch_granted+=${_ketch_granted:+,}$REPLY
  done
}

# For `inspect`. claim NAME TEXT: what is known of the caller; `id` identifies it.
claim() {
  _ketch_quote "$2"
  _ketch_member _ketch_claims "$1" "$REPLY"
}

# For `inspect`. reply_header NAME TEXT: a header of the reply.
reply_header() {
  _ketch_quote "$2"
  _ketch_member _ketch_headers "$1" "$REPLY"
}

# For `inspect`. answer STATUS [JSON]: answers in place of the endpoint. To refuse, there is `http_error`.
answer() {
  [[ $1 =~ ^[1-5][0-9][0-9]$ ]] || _ketch_mistake "answer: $1 is no status"
  _ketch_member _ketch_fields status "$1"
  if (($# > 1)); then field_json body "$2"; fi
}

# log WORD …: a line in the server's log.
log() { printf '%s\n' "$*" >&2; }

# ---- The loop ----------------------------------------------------------------------------------------------------------

# Answers what the server sends until it sends no more, and ends the program. It is the last line of a script.
serve() {
  _ketch_options=$-
  set +eu
  trap '' INT # Ctrl-C in a terminal reaches this process too; it is the server that ends it, by closing its input.
  if ((${#_ketch_argv[@]})); then _ketch_once; else _ketch_work; fi
  exit
}

# How the subshell of a call says that `http_error` ended it.
_ketch_http_error=113

# One process, many calls: JSON-RPC 2.0, a message a line.
_ketch_work() {
  local _ketch_line
  while IFS= read -r _ketch_line <&"$_ketch_in"; do
    _ketch_reply "$_ketch_line"
    printf '%s\n' "$REPLY" >&"$_ketch_out"
  done
  exit 0
}

# Sets REPLY to the reply to a line.
_ketch_reply() {
  local -A message=() params=() kinds_of=()
  _ketch_object "$1" message kinds_of && _ketch_object "${message[params]:-"{}"}" params kinds_of || {
    log "the server sent a line that this kit cannot read"
    REPLY='{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line cannot be read"}}'
    return
  }
  local id=${message[id]} function='' said code
  case ${message[method]} in
    call) _ketch_given params && function=$(_ketch_function) ;;
    inspect) _ketch_seen params && function=inspect ;;
    match | check) function=${message[method]} ;;
  esac
  if [[ -z $function ]] || ! declare -F "$function" >/dev/null; then
    said='{"code":-32601,"message":"this program has no such function"}'
    code=$_ketch_http_error
  else
    said=$(_ketch_run "$function" "${params[name]}" "${params[value]}" "${kinds_of[value]}")
    code=$?
  fi
  case $code in
    0) REPLY="{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":$said}" ;;
    "$_ketch_http_error") REPLY="{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":$said}" ;;
    *) REPLY="{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":{\"code\":-32603,\"message\":\"\`$function\` ended with $code\"}}" ;;
  esac
}

# One process, one call: what is asked stands in the arguments, JSON goes in and comes out.
_ketch_once() {
  local what=${_ketch_argv[0]} text='' function said code
  local -A params=() given=() kinds_of=()
  case $what in
    MATCH) params[name]=${_ketch_argv[1]} function=match ;;
    '['*) params[scope]=$what; _ketch_seen params && function=inspect ;; # A project with an aicra.json: scopes in, scopes out.
    CHECK) _ketch_object "${_ketch_argv[1]:-$(cat <&"$_ketch_in")}" params kinds_of && function=check ;;
    *)
      text=$(cat <&"$_ketch_in")
      [[ -n $text ]] || text=${_ketch_argv[1]}
      if declare -F inspect >/dev/null; then
        _ketch_object "$text" params kinds_of && _ketch_seen params && function=inspect
      else
        params=([method]=$what [args]=$text)
        _ketch_given params && function=$(_ketch_function)
      fi ;;
  esac
  if [[ -z $function ]] || ! declare -F "$function" >/dev/null; then
    log "this program has no function for $what, or its input cannot be read"
    exit 1
  fi
  said=$(_ketch_run "$function" "${params[name]}" "${params[value]}" "${kinds_of[value]}")
  code=$?
  if ((code == 0 || code == _ketch_http_error)); then
    printf '%s' "$said" >&"$_ketch_out"
    exit 0
  fi
  log "\`$function\` ended with $code"
  exit "$code"
}

# The function for the call's HTTP method.
_ketch_function() {
  local own=${method,,}
  if declare -F "$own" >/dev/null; then echo "$own"; else echo call; fi >&"${_ketch_said:-1}"
}

# Runs a function of the user's in a subshell, and writes what it comes to.
_ketch_run() {
  exec {_ketch_said}>&1 1>&2
  local _ketch_running=$1
  case $1 in
    match | check)
      "$@"
      case $? in 0) REPLY=true ;; 1) REPLY=false ;; *) exit 1 ;; esac ;;
    *)
      [[ $_ketch_options != *u* ]] || set -u
      [[ $_ketch_options != *e* ]] || set -e
      "$1" || return
      set +eu
      if [[ $1 == inspect && ${_ketch_argv[0]} == '['* ]]; then
        printf '[%s]' "$_ketch_granted" >&"$_ketch_said"
        return
      elif [[ $1 == inspect ]]; then
        _ketch_fields+=${_ketch_fields:+,}"\"scope\":[$_ketch_granted],\"claims\":{$_ketch_claims},\"headers\":{$_ketch_headers}"
      fi
      REPLY="{$_ketch_fields}" ;;
  esac
  printf '%s' "$REPLY" >&"$_ketch_said"
}

# A mistake in the user's program ends the call.
_ketch_mistake() {
  log "$1"
  exit 1
}

# ---- From JSON to variables --------------------------------------------------------------------------------------------

# Sets what a controller sees. Each assignment below is to a variable of the whole script.
_ketch_given() {
  local -n _ketch_params=$1
  local -A caller=() caller_kinds=() none=()
  args=() kinds=() files=() scopes=()
  _ketch_object "${_ketch_params[args]:-"{}"}" args kinds || return
  _ketch_object "${_ketch_params[files]:-"{}"}" files none || return
  _ketch_object "${args[_CALLER_]:-"{}"}" caller caller_kinds || return
  _ketch_list "${caller[scopes]:-[]}" scopes || return
  method=${_ketch_params[method]} route=${_ketch_params[route]} path=${_ketch_params[path]}
  request_id=${_ketch_params[request_id]} authorization=${args[_AUTHORIZATION_]}
  caller_id='' caller_email=''
  [[ ${caller_kinds[id]} != string ]] || caller_id=${caller[id]}
  [[ ${caller_kinds[email]} != string ]] || caller_email=${caller[email]}
  local special
  for special in _HTTP_METHOD_ _SCOPE_ _AUTHORIZATION_ _CALLER_; do
    unset -v "args[$special]" "kinds[$special]"
  done
}

# Sets what a middleware sees.
_ketch_seen() {
  local -n _ketch_params=$1
  local -A none=()
  headers=() scopes=()
  _ketch_object "${_ketch_params[headers]:-"{}"}" headers none || return
  _ketch_list "${_ketch_params[scope]:-[]}" scopes || return
  method=${_ketch_params[method]} path=${_ketch_params[path]} query=${_ketch_params[query]}
  route=${_ketch_params[route]} peer=${_ketch_params[peer]} required=${_ketch_params[required]}
  request_id=${_ketch_params[request_id]} authorization=${headers[authorization]}
}

# ---- JSON (RFC 8259) ---------------------------------------------------------------------------------------------------

# The part of a text that has not been read yet, and how deep it is nested there.
_ketch_rest='' _ketch_deep=0
_ketch_number='^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$'

# _ketch_object JSON VALUES KINDS: the members of an object; text as it is, all else as JSON.
_ketch_object() {
  local LC_ALL=C
  local -n _ketch_values=$2 _ketch_kinds=$3
  _ketch_rest=$1 _ketch_deep=0
  _ketch_begins '{' || return
  _ketch_space
  if [[ $_ketch_rest == '}'* ]]; then _ketch_rest=${_ketch_rest:1}; _ketch_ends; return; fi
  local _ketch_name
  while :; do
    _ketch_space
    [[ $_ketch_rest == '"'* ]] && _ketch_string || return
    _ketch_name=$REPLY
    _ketch_begins ':' && _ketch_value || return
    if [[ -n $_ketch_name ]]; then
      _ketch_values[$_ketch_name]=$REPLY
      _ketch_kinds[$_ketch_name]=$_ketch_kind
    fi
    _ketch_space
    case $_ketch_rest in
      ,*) _ketch_rest=${_ketch_rest:1} ;;
      '}'*) _ketch_rest=${_ketch_rest:1}; _ketch_ends; return ;;
      *) return 1 ;;
    esac
  done
}

# _ketch_list JSON ITEMS: the items of an array.
_ketch_list() {
  local LC_ALL=C
  local -n _ketch_items=$2
  _ketch_rest=$1 _ketch_deep=0
  _ketch_begins '[' || return
  _ketch_space
  if [[ $_ketch_rest == ']'* ]]; then return 0; fi
  while _ketch_value; do
    _ketch_items+=("$REPLY")
    _ketch_space
    case $_ketch_rest in
      ,*) _ketch_rest=${_ketch_rest:1} ;;
      ']'*) return 0 ;;
      *) return 1 ;;
    esac
  done
  return 1
}

_ketch_is_json() {
  local LC_ALL=C
  _ketch_rest=$1 _ketch_deep=0
  _ketch_value && _ketch_ends
}

_ketch_space() { _ketch_rest=${_ketch_rest#"${_ketch_rest%%[!$' \t\r\n']*}"}; }

_ketch_begins() {
  _ketch_space
  [[ $_ketch_rest == "$1"* ]] && _ketch_rest=${_ketch_rest:1}
}

_ketch_ends() {
  _ketch_space
  [[ -z $_ketch_rest ]]
}

# Reads one value: REPLY is its text, or its JSON; _ketch_kind is what it is.
_ketch_value() {
  _ketch_space
  case $_ketch_rest in
    '"'*) _ketch_string && _ketch_kind=string ;;
    '{'* | '['*) _ketch_container ;;
    true* | null*) REPLY=${_ketch_rest:0:4} _ketch_rest=${_ketch_rest:4} _ketch_kind=bool
      [[ $REPLY == true ]] || _ketch_kind=null ;;
    false*) REPLY=false _ketch_rest=${_ketch_rest:5} _ketch_kind=bool ;;
    *)
      REPLY=${_ketch_rest%%[],\}$' \t\r\n']*}
      _ketch_rest=${_ketch_rest:${#REPLY}} _ketch_kind=number
      [[ $REPLY =~ $_ketch_number ]] ;;
  esac
}

# Reads an object or an array to its end; REPLY is its JSON.
_ketch_container() {
  ((++_ketch_deep <= 100)) || return
  local whole=$_ketch_rest kind=object end='}'
  if [[ $whole == '['* ]]; then kind=array end=']'; fi
  _ketch_rest=${_ketch_rest:1}
  _ketch_space
  if [[ $_ketch_rest != "$end"* ]]; then
    while :; do
      if [[ $kind == object ]]; then
        _ketch_space
        [[ $_ketch_rest == '"'* ]] && _ketch_string && _ketch_begins ':' || return
      fi
      _ketch_value || return
      _ketch_space
      case $_ketch_rest in
        ,*) _ketch_rest=${_ketch_rest:1} ;;
        "$end"*) break ;;
        *) return 1 ;;
      esac
    done
  fi
  _ketch_rest=${_ketch_rest:1}
  REPLY=${whole:0:${#whole}-${#_ketch_rest}} _ketch_kind=$kind
  ((_ketch_deep--, 1))
}

# Reads a string; REPLY is its text.
_ketch_string() {
  local text='' chunk
  _ketch_rest=${_ketch_rest:1}
  while :; do
    chunk=${_ketch_rest%%[\"\\]*}
    text+=$chunk
    _ketch_rest=${_ketch_rest:${#chunk}}
    case ${_ketch_rest:0:2} in
      '"'*) REPLY=$text _ketch_rest=${_ketch_rest:1}; return 0 ;;
      '\"' | '\\' | '\/') text+=${_ketch_rest:1:1} ;;
      '\b') text+=$'\b' ;;
      '\f') text+=$'\f' ;;
      '\n') text+=$'\n' ;;
      '\r') text+=$'\r' ;;
      '\t') text+=$'\t' ;;
      '\u') _ketch_unicode || return; text+=$REPLY; continue ;;
      *) return 1 ;;
    esac
    _ketch_rest=${_ketch_rest:2}
  done
}

# Reads `\uXXXX`, or the two of a character beyond the first 65,536; REPLY is its UTF-8.
_ketch_unicode() {
  local -i code low
  _ketch_hex || return
  code=$REPLY
  if ((code >= 0xD800 && code < 0xDC00)); then
    _ketch_hex || return
    low=$REPLY
    ((low >= 0xDC00 && low < 0xE000)) || return
    code=$((0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00))
  elif ((code == 0 || (code >= 0xDC00 && code < 0xE000))); then
    return 1
  fi
  local bytes
  if ((code < 0x80)); then
    printf -v bytes '\\x%x' "$code"
  elif ((code < 0x800)); then
    printf -v bytes '\\x%x' $((0xC0 | code >> 6)) $((0x80 | code & 63))
  elif ((code < 0x10000)); then
    printf -v bytes '\\x%x' $((0xE0 | code >> 12)) $((0x80 | code >> 6 & 63)) $((0x80 | code & 63))
  else
    printf -v bytes '\\x%x' $((0xF0 | code >> 18)) $((0x80 | code >> 12 & 63)) $((0x80 | code >> 6 & 63)) $((0x80 | code & 63))
  fi
  printf -v REPLY "$bytes"
}

_ketch_hex() {
  [[ ${_ketch_rest:0:6} =~ ^\\u([0-9a-fA-F]{4})$ ]] || return
  REPLY=$((16#${BASH_REMATCH[1]})) _ketch_rest=${_ketch_rest:6}
}

# _ketch_quote TEXT: REPLY is it as a JSON string.
_ketch_quote() {
  local LC_ALL=C text=$1 slash='\' char escape
  text=${text//"$slash"/"$slash$slash"}
  text=${text//'"'/"$slash\""}
  if [[ $text == *[$'\x01'-$'\x1f']* ]]; then
    local -i code
    for ((code = 1; code < 32; code++)); do
      printf -v escape '\\x%x' "$code"
      printf -v char "$escape"
      printf -v escape '\\u%04x' "$code"
      text=${text//"$char"/"$escape"}
    done
  fi
  REPLY="\"$text\""
}

# _ketch_member VARIABLE NAME JSON: adds a member to what is written.
_ketch_member() {
  local -n _ketch_into=$1
  local json=$3
  _ketch_quote "$2"
  _ketch_into+=${_ketch_into:+,}$REPLY:$json
}
