//! A change of a few pins among thousands: only what these could bring is looked at.

use std::collections::BTreeSet;

use super::files::Area;
use super::{Change, PinChange};
use crate::domain::layout;
use crate::domain::name::ServiceName;
use crate::domain::tree::{Entry, Files, ReadError};

impl Change<'_> {
    /// The services that it gives other versions, where it does nothing else: no rule of the
    /// tree then says anything new of the others.
    #[must_use]
    pub fn services_alone(&self, pins: &[PinChange]) -> Option<BTreeSet<ServiceName>> {
        let in_area = |area: Area| self.files.iter().filter(move |file| file.area() == area);
        let others = [Area::Rules, Area::Other].into_iter().flat_map(in_area).count();
        let are_there = pins.iter().all(|pin| pin.from.is_some() && pin.to.is_some());
        let is_alone = others == 0 && are_there && in_area(Area::Pins).count() == pins.len();
        is_alone.then(|| pins.iter().map(|pin| pin.service.clone()).collect())
    }
}

/// The files of a tree, of whose pins and registry only those of some services are listed.
pub struct OfServices<'a> {
    pub files: &'a dyn Files,
    pub services: &'a BTreeSet<ServiceName>,
}

impl Files for OfServices<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.files.read(path)
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, ReadError> {
        let names: Vec<&str> = folder.split('/').collect();
        let ending = match names.as_slice() {
            [layout::ENVS, _, _] => ".json",
            [layout::SERVICES, _] => ".yaml",
            _ => return self.files.list(folder),
        };
        // Asked for one by one: the folder may have ten thousand others.
        let mut entries = Vec::new();
        for service in self.services {
            let name = format!("{service}{ending}");
            if self.files.read(&format!("{folder}/{name}"))?.is_some() {
                entries.push(Entry { name, folder: false });
            }
        }
        Ok(entries)
    }
}
