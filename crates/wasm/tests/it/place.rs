//! A project in a folder of its own, and a client of its endpoints.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use http::Method;
use ketch_db::Db;
use ketch_manifest::{Driver, Native, Project, Stored, Surroundings};
use ketch_model::{Problem, Problems, Settings};
use ketch_testkit::{Client, Scratch};
use ketch_wasm::{Setup, Wasm};
use ketch_web::App;

/// What was compiled is kept for all tests.
static COMPILED: LazyLock<PathBuf> =
    LazyLock::new(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"));

/// A project of a test.
pub(crate) struct Place {
    scratch: Scratch,
    pub(crate) driver: Arc<dyn Driver>,
    db: Option<Db>,
}

impl Place {
    /// A project of endpoints `GET /NAME`, each a component, with what `ketch.json` says under `wasm`.
    pub(crate) fn new(wasm: &str, guests: &[(&str, Vec<u8>)]) -> Self {
        let mut setup = Setup::default();
        setup.cache = Some(COMPILED.clone());
        let place = Self { scratch: Scratch::new(), driver: Arc::new(Wasm::new(setup)), db: None };
        place.write("ketch.json", format!("{{\"wasm\": {{{wasm}}}}}").as_bytes());
        let mut nodes = String::new();
        for (name, bytes) in guests {
            place.write(&format!("controller/{name}.wasm"), bytes);
            nodes.push_str(&format!(
                r#""{name}": {{"GET": {{"info": "-", "in": {{"GET@a": {{"info": "-", "type": "?int", "name": "a"}}}}, "out": {{}}}}}},"#
            ));
        }
        place.write("api.json", format!("{{\"timeout\": \"20s\", \"/\": {{{nodes}}}}}").as_bytes());
        place
    }

    /// With a database.
    pub(crate) fn with(mut self, db: Db) -> Self {
        self.db = Some(db);
        self
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file, or writes it anew.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
        fs::write(path, bytes).expect("the file can be written");
    }

    /// What is wrong with it, as `ketch check` lists it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let problems = Problems::sorted(self.lowered().err().unwrap_or_default()).0;
        problems.iter().map(ToString::to_string).collect()
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.lowered().unwrap_or_else(|problems| panic!("{problems:#?}")))
    }

    fn lowered(&self) -> Result<Arc<App>, Vec<Problem>> {
        let (mut problems, mut app) = (Vec::new(), App::builder());
        let native = Native::default();
        if let Some(project) = Project::open(self.path(), &mut problems) {
            let (server, drivers) = (Settings::new(), [Arc::clone(&self.driver)]);
            let around = Surroundings {
                server: &server,
                native: &native,
                drivers: &drivers,
                db: self.db.as_ref(),
                stored: Stored::default(),
                mode: ketch_web::Mode::Development,
            };
            let lowered = project.lower(&around, &mut problems);
            (app.routes, app.middlewares) = (lowered.routes, lowered.middlewares);
        }
        if problems.is_empty() { app.build().map(Arc::new) } else { Err(problems) }
    }
}

/// The status of a GET.
pub(crate) async fn status(client: &Client, path: &str) -> u16 {
    client.send(Method::GET, path, &[], axum::body::Body::empty()).await.status.as_u16()
}
