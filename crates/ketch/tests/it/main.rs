//! The whole, end to end: real servers, real bytes.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]
#![expect(clippy::print_stdout, reason = "a run says what it has measured")]

mod cache;
mod cache_redis;
mod cache_rules;
mod child;
mod compile_fail;
mod declared;
mod floods;
mod framing;
mod framing_cases;
mod framing_head_cases;
mod http2;
mod http2_cases;
mod http2_frames;
mod http2_stalls;
mod messages;
mod new_project;
mod overload;
mod panics;
mod probe;
mod raw;
mod shutdown;
mod slow;
mod watch;
