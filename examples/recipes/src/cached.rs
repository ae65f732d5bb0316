//! Replies that are kept for a while, and purged when what they tell has changed.
//!
//! The second `GET /prices/oak` is answered from memory; a `PUT` has it, and the list, told anew.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ketch::prelude::*;

struct Prices {
    of_wood: Mutex<BTreeMap<String, u32>>,
    /// The cache itself, to purge with; `define_cache` has another handle to it.
    cache: MemoryCache,
}

impl Prices {
    fn of_wood(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.of_wood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What wood costs, in cents a metre.
#[service(cache = "prices", ttl = "1h", tags = ["prices"])]
impl Prices {
    /// Lists all prices.
    #[get("/")]
    async fn all(&self) -> Json<BTreeMap<String, u32>> {
        Json(self.of_wood().clone())
    }

    /// Tells one price. It has a tag of its own beside the service's.
    #[get("{wood}", tags += ["price:{wood}"])]
    async fn one(&self, wood: String) -> Result<Json<u32>> {
        let price = self.of_wood().get(&wood).copied();
        price.map(Json).ok_or_else(|| Error::new(404, "no_such_wood", format!("there is no {wood}")))
    }

    /// Sets one price. What was kept of the others stays.
    #[put("{wood:oak|teak|pine}")]
    async fn set(&self, wood: String, price: Json<u32>) -> NoContent {
        self.of_wood().insert(wood.clone(), price.into_inner());
        self.cache.purge_tag(&format!("price:{wood}"));
        self.cache.purge_key("/prices");
        NoContent
    }
}

/// The server.
pub fn server() -> Server {
    let cache = MemoryCache::new("16mb");
    let of_wood = [("oak", 2_400), ("teak", 5_900)].map(|(wood, price)| (wood.to_owned(), price));
    Server::new()
        .title("Cached")
        .define_cache("prices", cache.clone())
        .add(Prices { of_wood: Mutex::new(of_wood.into()), cache })
}
