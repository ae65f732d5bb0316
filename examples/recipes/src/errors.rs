//! Errors of one's own: an enum says status, code and message; what caused one goes to the log and no further.

use std::path::PathBuf;

use ketch::prelude::*;

/// What can go wrong with a crane.
#[derive(Debug, ApiError)]
pub enum CraneError {
    /// There are three cranes.
    #[api(status = 404, code = "no_such_crane", message = "there is no crane {0}")]
    NoSuchCrane(u8),
    /// The load is beyond what the crane lifts.
    #[api(status = 422, code = "too_heavy", message = "crane {crane} lifts {most} t, not {load} t")]
    TooHeavy {
        /// Its number.
        crane: u8,
        /// What it lifts.
        most: u32,
        /// What it was to lift.
        load: u32,
    },
    /// It is being greased.
    #[api(status = 503)]
    OutOfService,
}

struct Cranes {
    papers: PathBuf,
}

/// The cranes on the quay.
#[service]
impl Cranes {
    /// Lifts a load of so many tonnes. Every error is in the documents with its status and code.
    #[post("{crane}/lift")]
    async fn lift(&self, crane: u8, #[arg(min = 1)] load: u32) -> Result<NoContent, CraneError> {
        match crane {
            1 if load <= 40 => Ok(NoContent),
            1 => Err(CraneError::TooHeavy { crane, most: 40, load }),
            2 | 3 => Err(CraneError::OutOfService),
            _ => Err(CraneError::NoSuchCrane(crane)),
        }
    }

    /// Shows a crane's papers, which are not there: a 500 for the client, the cause and the request's id in the log.
    #[get("{crane}/papers")]
    fn papers(&self, crane: u8) -> Result<String> {
        std::fs::read_to_string(self.papers.join(crane.to_string())).map_err(Error::internal)
    }
}

/// The server.
pub fn server() -> Server {
    Server::new().title("Errors").add(Cranes { papers: PathBuf::from("no-such-folder") })
}
