//! What the server knows of a statement that it has prepared.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_postgres::Error as Theirs;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::{Kind as Form, Type};

use super::counts::Use;
use super::encode::{base, is_text};
use super::error::{is_lost, is_stale};
use super::fault::Fault;
use super::pool::Shared;
use crate::describe::{Access, Column, Described, Kind, Param, Undescribed};
use crate::driver::Dialect;
use crate::error::Result;
use crate::sql::Sql;
use crate::tokens::{Tokens, number};

/// Prepares a statement and says what it is; nothing is run. Once more on another connection when its own was lost.
pub(super) async fn describe(shared: Arc<Shared>, sql: Sql) -> Result<Described, Undescribed> {
    let text = shared.texts.of_sql(&sql)?;
    let until = Instant::now() + shared.options.read_time;
    let mut again = true;
    let prepared = loop {
        let mut held = shared.acquire(Use::Read, until).await?;
        held.begin();
        let answer = held.within(until, shared.texts.prepare(&held, &text)).await;
        let fault = match answer {
            Some(Ok(prepared)) => {
                held.done();
                break prepared;
            }
            Some(Err(error)) => {
                if !is_lost(&error) {
                    held.done();
                }
                Fault::Server(error)
            }
            None => Fault::Silent,
        };
        if again && (fault.lost() || fault.is(is_stale)) {
            shared.forget_if_stale(&fault);
            again = false;
            continue;
        }
        let at = if let Fault::Server(error) = &fault { position(error, &sql) } else { None };
        return Err(Undescribed { error: fault.into_error(&text.sql), at });
    };
    let named = text.names().iter().zip(prepared.params());
    let params = named.map(|(name, ty)| Param::new(name.as_str(), kind(ty))).collect();
    let columns = prepared.columns().iter().map(|it| Column::new(it.name(), kind(it.type_()))).collect();
    let access = if text.writes() { Access::Writes } else { Access::Reads };
    Ok(Described::new(params, columns, access))
}

fn kind(ty: &Type) -> Option<Kind> {
    let ty = base(ty);
    Some(match *ty {
        Type::BOOL => Kind::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Kind::Integer,
        Type::FLOAT4 | Type::FLOAT8 => Kind::Real,
        Type::UUID => Kind::Uuid,
        Type::TIMESTAMPTZ => Kind::Timestamp,
        Type::DATE => Kind::Date,
        Type::BYTEA => Kind::Blob,
        Type::JSON | Type::JSONB => Kind::Json,
        _ if is_text(ty) || matches!(ty.kind(), Form::Enum(_)) => Kind::Text,
        _ if matches!(ty.kind(), Form::Array(_)) => Kind::Json,
        Type::TIME | Type::TIMESTAMP | Type::TIMETZ | Type::INTERVAL => Kind::Text,
        _ => return None,
    })
}

/// The byte of the text that the server speaks of: it counts characters, and of the numbered form.
fn position(error: &Theirs, sql: &str) -> Option<usize> {
    let Some(ErrorPosition::Original(character)) = error.as_db_error()?.position() else { return None };
    let before = usize::try_from(*character).ok()?.checked_sub(1)?;
    let mut at = 0;
    let mut sent = 0;
    for token in Tokens::new(sql, Dialect::Postgres) {
        let end = at + token.text.len();
        let sent_end = number(&sql[..end]).sql.chars().count();
        if sent_end > before {
            // Inside a token that is sent as it is.
            let inside =
                token.text.char_indices().nth(before.saturating_sub(sent)).map_or(0, |(byte, _)| byte);
            return Some(at + inside);
        }
        (at, sent) = (end, sent_end);
    }
    None
}
