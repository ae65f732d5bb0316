//! Whether all sides of a group do the same. Ketch and the baseline answer with the same bytes; what PocketBase answers
//! has other fields around the same values.

use anyhow::{Result, ensure};

use super::super::reply::{Reply, comparable};
use super::super::server::Server;
use super::lab::Lab;
use super::side::{Side, What};
use super::{Group, ROWS};

/// The key that is looked at.
const KEY: u32 = 4_711;

/// Fails when two sides answer the same question differently, or one with something else than was asked for.
pub(super) fn same(lab: &Lab<'_>, group: &Group) -> Result<()> {
    let sides = group.sides.iter().enumerate();
    let servers: Vec<Server> =
        sides.map(|(number, side)| lab.start(side, number, group.workers)).collect::<Result<_>>()?;
    for what in [What::Row, What::List, What::Insert] {
        let first = asked(&servers[0], group.sides[0], what)?;
        right(&first, what)?;
        for (side, server) in group.sides.iter().zip(&servers).skip(1) {
            let other = asked(server, *side, what)?;
            if side.is_peer() {
                right(&other, what)?;
            } else {
                let name = side.name(true);
                ensure!(first == other, "{name} answers differently:\n{first:#?}\n{other:#?}");
            }
        }
    }
    println!("{}: {} sides answer the same", group.name, servers.len());
    Ok(())
}

fn asked(server: &Server, side: Side, what: What) -> Result<Reply> {
    let asked = side.asked(what);
    let number = KEY.to_string();
    let reply = if what == What::Insert {
        server.exchange("POST", &asked.post, "", Some(&asked.body.replace("%d", &number)))?
    } else {
        let path = asked.get.replace("%d", &number).replace("%011d", &format!("{KEY:011}"));
        server.exchange("GET", &path, "", None)?
    };
    let mut reply = comparable(&reply)?;
    reply.body = without_time(&reply.body);
    Ok(reply)
}

/// Whether a reply holds what was asked for.
fn right(reply: &Reply, what: What) -> Result<()> {
    let status = reply.status.split(' ').nth(1).unwrap_or_default();
    let (name, rows) = match what {
        What::Row => (Some(format!("Boat {KEY}")), 1),
        What::List => (None, 20),
        What::Insert | What::Mix => (Some(format!("Gipsy Moth {KEY}")), 1),
    };
    let named = name.is_none_or(|name| reply.body.contains(&format!(r#""name":"{name}""#)));
    let found = reply.body.matches(r#""made_at":"#).count();
    ensure!(
        ["200", "201"].contains(&status) && named && found == rows,
        "among {ROWS} rows, what was asked for was answered with:\n{reply:#?}"
    );
    Ok(())
}

/// The body with stars for the time of an insert, as many as it has digits.
fn without_time(body: &str) -> String {
    let Some((before, rest)) = body.split_once(r#""made_at":"#) else {
        return body.to_owned();
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    // A list tells the times that the file was made with.
    if body.starts_with('[') || digits == 0 {
        return body.to_owned();
    }
    format!(r#"{before}"made_at":{}{}"#, "*".repeat(digits), &rest[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_of_one_row_is_left_out_and_its_length_is_not() {
        assert_eq!(without_time(r#"{"id":1,"made_at":123}"#), r#"{"id":1,"made_at":***}"#);
        assert_eq!(without_time(r#"[{"made_at":123}]"#), r#"[{"made_at":123}]"#);
        assert_eq!(without_time(r#"{"id":1}"#), r#"{"id":1}"#);
    }

    #[test]
    fn a_reply_that_is_not_what_was_asked_for_is_refused() {
        let reply = |status: &str, body: &str| {
            comparable(&format!("HTTP/1.1 {status}\r\nserver: a\r\n\r\n{body}")).unwrap()
        };
        let row = r#"{"name":"Boat 4711","made_at":1}"#;
        right(&reply("200 OK", row), What::Row).unwrap();
        assert!(right(&reply("404 Not Found", row), What::Row).is_err());
        assert!(right(&reply("200 OK", &row.replace("4711", "4712")), What::Row).is_err());
        assert!(right(&reply("200 OK", row), What::List).is_err());
    }
}
