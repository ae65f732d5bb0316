//! The control socket of a server that runs: who gets in, who does not, and what is left behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::program::{Program, socket};
use crate::scratch::Scratch;

const ASK: &str = "GET /admin/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What comes back for these bytes.
fn exchange(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

fn by_socket(folder: &Path, request: &str) -> String {
    exchange(UnixStream::connect(socket(folder)).unwrap(), request)
}

#[test]
fn it_lets_its_user_in_and_is_gone_after_the_stop() {
    let scratch = Scratch::new("control");
    let data = scratch.path("data");
    let server = Program::with_data(&data).serve();
    assert_eq!(socket(&data).metadata().unwrap().mode() & 0o777, 0o600);
    let reply = by_socket(&data, ASK);
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let which = format!("ketch-database: sqlite:{}", data.join("app.db").canonicalize().unwrap().display());
    assert!(reply.contains(&which), "{reply}");
    assert!(by_socket(&data, &ASK.replace("jobs", "nothing")).starts_with("HTTP/1.1 404"));
    server.signal("TERM");
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    assert!(!socket(&data).exists());
}

#[test]
fn nobody_becomes_the_operator_over_tcp() {
    let scratch = Scratch::new("control-tcp");
    let server = Program::with_data(&scratch.path("data")).serve();
    let tries = [
        "",
        "Ketch-Database: sqlite:/data/app.db\r\n",
        "Caller: operator\r\nX-Caller: operator\r\nX-Operator: true\r\n",
        "Forwarded: for=unix:\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n",
        "Authorization: Bearer operator\r\nCookie: caller=operator\r\n",
    ];
    for more in tries {
        for path in [
            "/admin/jobs",
            "/admin/jobs/stats",
            "//admin/jobs",
            "/admin//jobs",
            "/admin/jobs/",
            "/admin/./jobs",
        ] {
            let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n");
            let reply = exchange(TcpStream::connect(server.addr).unwrap(), &ask);
            let status = &reply[9..12];
            assert!(["401", "404", "308"].contains(&status), "{path} with {more:?}: {reply}");
            assert!(!reply.to_lowercase().contains("ketch-database"), "{reply}");
        }
        let add = format!(
            "POST /admin/jobs HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\nContent-Type: application/json\r\n\
             Content-Length: 17\r\n\r\n{{\"type\":\"errand\"}}"
        );
        let reply = exchange(TcpStream::connect(server.addr).unwrap(), &add);
        assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    }
    let absolute = ASK.replace("/admin", "http://localhost/admin");
    assert!(exchange(TcpStream::connect(server.addr).unwrap(), &absolute).starts_with("HTTP/1.1 401"));
    assert!(by_socket(&scratch.path("data"), ASK).contains(r#""jobs":[]"#), "nothing was enqueued");
}

#[test]
fn another_user_is_sent_away_even_where_the_mode_lets_them_in() {
    let scratch = Scratch::new("control-user");
    let data = scratch.path("data");
    if scratch.as_ref().metadata().unwrap().uid() != 0 {
        println!("not tried: only root can be somebody else");
        return;
    }
    let server = Program::with_data(&data).serve();
    for open in [scratch.as_ref(), data.as_path()] {
        std::fs::set_permissions(open, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let ask = |mode: u32| {
        std::fs::set_permissions(socket(&data), PermissionsExt::from_mode(mode)).unwrap();
        as_nobody(&socket(&data))
    };
    assert_eq!(ask(0o600), "PermissionError", "the mode keeps them out");
    assert_eq!(ask(0o666), "", "what they come to is closed before it answers");
    assert!(by_socket(&data, ASK).starts_with("HTTP/1.1 200"), "root gets in");
    server.signal("TERM");
    let (_, said) = server.wait();
    assert!(said.contains("somebody else came to the control socket") && said.contains("65534"), "{said}");
}

/// What nobody is told at a socket: the reply, or why there is none.
#[expect(clippy::disallowed_methods, reason = "another user needs a process of its own")]
fn as_nobody(socket: &Path) -> String {
    use std::os::unix::process::CommandExt;
    const SCRIPT: &str = "import socket, sys\n\
        s = socket.socket(socket.AF_UNIX)\n\
        try:\n s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode()); print(s.recv(65536).decode())\n\
        except (BrokenPipeError, ConnectionResetError): print()\n\
        except OSError as e: print(type(e).__name__)\n";
    let mut command = std::process::Command::new("python3");
    command.args(["-c", SCRIPT]).arg(socket).arg(ASK).uid(65534).gid(65534).current_dir("/");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_a_killed_server_leaves_is_in_nobodys_way() {
    let scratch = Scratch::new("control-kill");
    let data = scratch.path("data");
    let program = Program::with_data(&data);
    program.serve().kill();
    assert!(socket(&data).exists(), "nobody was left to remove it");
    assert!(UnixStream::connect(socket(&data)).is_err());
    assert_eq!(program.jobs(&["list"]), "", "the command does without");
    let _server = program.serve();
    assert!(by_socket(&data, ASK).starts_with("HTTP/1.1 200"), "the next one has replaced it");
}

#[test]
fn of_two_servers_in_a_folder_the_first_has_it_and_commands_find_the_right_one() {
    let scratch = Scratch::new("control-two");
    let data = scratch.path("data");
    let first = Program::with_data(&data);
    let _first_runs = first.serve();
    let second = Program::with_database(&format!("sqlite:{}", data.join("other.db").display()), &data);
    let second_runs = second.serve();
    first.add("succeed", &["--delay", "1d"]);
    let (stdout, stderr) = second.refused(&["list"]);
    assert_eq!(stdout, "", "the first server's jobs are none of the second's");
    assert!(stderr.contains("has another database, sqlite:") && stderr.contains("other.db open"), "{stderr}");
    second_runs.signal("TERM");
    let (status, said) = second_runs.wait();
    assert!(status.success());
    assert!(said.contains("no control socket") && said.contains("another server has"), "{said}");
    assert!(by_socket(&data, ASK).contains("errand"), "the first is as it was");
}

#[test]
fn a_server_that_can_have_none_says_so_and_serves() {
    let scratch = Scratch::new("control-none");
    let long = scratch.path(&"long/".repeat(30));
    let taken = scratch.path("taken");
    std::fs::create_dir_all(&taken).unwrap();
    std::fs::write(socket(&taken), "somebody's").unwrap();
    for (data, why) in [(&long, "longer than a socket's path may be"), (&taken, "is no socket: move it away")]
    {
        let program = Program::with_data(data);
        let server = program.serve();
        let live = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let reply = exchange(TcpStream::connect(server.addr).unwrap(), live);
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        let (_, stderr) = program.refused(&["list"]);
        assert!(
            stderr.contains("stop it first, or ask it") && stderr.contains("does not answer at"),
            "{stderr}"
        );
        server.signal("TERM");
        let (status, said) = server.wait();
        assert!(status.success() && said.contains(why), "{said}");
        assert!(said.contains("commands such as `jobs` cannot reach this server"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(socket(&taken)).unwrap(), "somebody's");
}

#[test]
fn a_request_under_way_is_answered_while_the_server_drains() {
    let scratch = Scratch::new("control-drain");
    let data = scratch.path("data");
    let server = Program::with_data(&data).serve();
    let mut stream = UnixStream::connect(socket(&data)).unwrap();
    let job = r#"{"type": "errand", "payload": {"do": "succeed"}, "delay": "1d"}"#;
    let head = "POST /admin/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    write!(stream, "{head}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n", job.len()).unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert!(told.starts_with(b"HTTP/1.1 100"), "its body is waited for");
    server.signal("TERM");
    while socket(&data).exists() {
        std::thread::yield_now();
    }
    stream.write_all(job.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.contains("HTTP/1.1 201"), "{reply}");
    assert!(server.wait().0.success());
}
