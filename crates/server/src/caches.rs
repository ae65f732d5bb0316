//! The caches of projects, over reloads: one that is defined as it was keeps what is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ketch_manifest::{CacheDefinition, Project};
use ketch_model::{CacheInfo, Problem};
use ketch_web::CacheStore;

/// The caches of the projects of a server, and what defines them.
#[derive(Debug, Default)]
pub(crate) struct ProjectCaches(Vec<(CacheDefinition, Arc<dyn CacheStore>)>);

impl ProjectCaches {
    /// Those of these projects, beside those of the program. `before` are the ones that serve until now.
    pub(crate) fn of(
        projects: &[(u64, Project)],
        program: &BTreeMap<String, Arc<dyn CacheStore>>,
        before: &Self,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut all: Vec<CacheDefinition> = Vec::new();
        for definition in projects.iter().flat_map(|(_, project)| &project.file.caches) {
            let name = &definition.name;
            let elsewhere = match all.iter().find(|known| known.name == *name) {
                Some(CacheDefinition { place: Some(place), .. }) => format!("at {place}"),
                Some(_) => "in another project".to_owned(),
                None if program.contains_key(name) => "by the program".to_owned(),
                None => {
                    all.push(definition.clone());
                    continue;
                }
            };
            let message = format!("the cache `{name}` is defined {elsewhere} too: rename one of them");
            problems.push(Problem::new(definition.place.clone(), "caches", message));
        }
        let usual = CacheDefinition::usual();
        let is_taken = program.contains_key(&usual.name) || all.iter().any(|known| known.name == usual.name);
        if !projects.is_empty() && !is_taken {
            all.push(usual);
        }
        let kept = |definition: &CacheDefinition| {
            let same = before.0.iter().find(|(known, _)| known.is_as(definition));
            same.map_or_else(|| definition.make(), |(_, store)| Arc::clone(store))
        };
        Self(all.into_iter().map(|definition| (definition.clone(), kept(&definition))).collect())
    }

    /// What there is to name, beside what the program has.
    pub(crate) fn infos(&self, program: &BTreeMap<String, Arc<dyn CacheStore>>) -> Vec<CacheInfo> {
        let info = |name: &String, store: &Arc<dyn CacheStore>, place| CacheInfo {
            name: name.clone(),
            about: store.about(),
            place,
        };
        let own =
            self.0.iter().map(|(definition, store)| info(&definition.name, store, definition.place.clone()));
        let mut all: Vec<_> =
            program.iter().map(|(name, store)| info(name, store, None)).chain(own).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The stores, by the names that endpoints say.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (String, Arc<dyn CacheStore>)> {
        self.0.iter().map(|(definition, store)| (definition.name.clone(), Arc::clone(store)))
    }
}
