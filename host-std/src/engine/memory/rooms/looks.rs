//! What a look at items of a queue has brought to memory, for as long as it lasts.

use std::collections::HashMap;

use streamgauge_core::queue::leases::Away;

use crate::engine::disk::LOOKED_AT;

/// Bytes of an item beside what is in it, about.
const BESIDE: usize = 96;

/// Items that a look tells of and that are on the disk; first their places alone.
#[derive(Debug, Default)]
pub(super) struct Looks {
    places: Option<Vec<Away>>,
    items: HashMap<(u64, u32), Box<[u8]>>,
    /// Bytes of what has a place, or is here.
    bytes: usize,
}

impl Looks {
    /// From now on what is asked for is a place only.
    pub(super) fn begin(&mut self) {
        *self = Self { places: Some(Vec::new()), ..Self::default() };
    }

    /// The places that were asked for; from now on items are.
    pub(super) fn places(&mut self) -> Vec<Away> {
        self.places.take().unwrap_or_default()
    }

    /// Remembers a place; `None` if items are asked for. Says whether there is room for what lies there: there is for the
    /// first.
    pub(super) fn remember(&mut self, away: &Away) -> Option<bool> {
        let places = self.places.as_mut()?;
        let bytes = self.bytes.saturating_add(away.len as usize).saturating_add(BESIDE);
        if bytes > LOOKED_AT && !places.is_empty() {
            return Some(false);
        }
        self.bytes = bytes;
        places.push(*away);
        Some(true)
    }

    /// Keeps items.
    pub(super) fn keep(&mut self, items: Vec<(Away, Box<[u8]>)>) {
        self.items = items.into_iter().map(|(away, item)| (key(&away), item)).collect();
    }

    /// An item that is kept.
    pub(super) fn get(&self, away: &Away) -> Option<&[u8]> {
        self.items.get(&key(away)).map(AsRef::as_ref)
    }

    /// Keeps nothing any more; what was kept is to be dropped where nobody waits.
    pub(super) fn end(&mut self) -> Self {
        std::mem::take(self)
    }
}

const fn key(away: &Away) -> (u64, u32) {
    (away.place, away.back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_looked_at_as_has_room_and_one_item_at_least() {
        let away = |place, len| Away { place, back: 0, len };
        let mut looks = Looks::default();
        assert_eq!(looks.remember(&away(1, 1)), None, "nobody looks for places");
        looks.begin();
        let long = LOOKED_AT as u32;
        assert_eq!(looks.remember(&away(1, long)), Some(true));
        assert_eq!(looks.remember(&away(2, 1)), Some(false));
        assert_eq!(looks.places(), [away(1, long)]);
        looks.keep(vec![(away(1, long), b"item"[..].into())]);
        assert_eq!((looks.get(&away(1, long)), looks.get(&away(2, 1))), (Some(&b"item"[..]), None));
        looks.begin();
        let each = LOOKED_AT / 4 - BESIDE;
        let has_room = (0..6).map(|place| looks.remember(&away(place, each as u32)));
        assert_eq!(has_room.collect::<Option<Vec<_>>>().unwrap(), [true, true, true, true, false, false]);
    }
}
