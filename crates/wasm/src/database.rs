//! The database, for guests that are granted it: `ketch:api/database`.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::state::State;

/// Gives guests `ketch:api/database`.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut database = linker.instance("ketch:api/database@0.1.0")?;
    database.func_wrap_async("query", |store: StoreContextMut<'_, State>, (_request,): (String,)| {
        let _db = store.data().db.clone();
        Box::new(async move { Ok((Err::<String, String>("not yet".to_owned()),)) })
    })?;
    database.func_wrap_async("execute", |_store: StoreContextMut<'_, State>, (_request,): (String,)| {
        Box::new(async move { Ok((Err::<String, String>("not yet".to_owned()),)) })
    })
}
