//! A second handle on the same database, for what must not wait for others.

use crate::db::Db;
use crate::error::Result;
use crate::options::Options;

impl Db {
    /// The same database by a connection of its own. With PostgreSQL, what is asked through it does not wait until others
    /// let go of the [`Options::connections`]; that one connection is made when it is needed, and closed with the last
    /// clone of the handle. With SQLite it is this handle.
    ///
    /// # Errors
    /// [`Error::NotConnected`](crate::Error::NotConnected).
    pub fn apart(&self) -> Result<Self> {
        let Some(driver) = self.driver()?.apart() else { return Ok(self.clone()) };
        let db = Self::unconnected();
        db.connect(driver, &Options::default())?;
        Ok(db)
    }
}
