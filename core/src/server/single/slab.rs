//! Connections by number, in constant time.

use super::ConnectionId;

/// Values under ids that are never used twice: the number of a slot, and how often the slot had been used before.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Slab<T> {
        Slab { slots: Vec::new(), free: Vec::new() }
    }

    /// The next value of a slot that is free.
    pub(super) fn insert(&mut self, value: T) -> ConnectionId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, value: None });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let mut generation = 0;
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.value = Some(value);
            generation = slot.generation;
        }
        ConnectionId(u64::from(generation) << 32 | u64::from(index))
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&T> {
        let (index, generation) = parts(id);
        self.slots.get(index).filter(|slot| slot.generation == generation)?.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        let (index, generation) = parts(id);
        self.slots.get_mut(index).filter(|slot| slot.generation == generation)?.value.as_mut()
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<T> {
        let (index, generation) = parts(id);
        let slot = self.slots.get_mut(index).filter(|slot| slot.generation == generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index as u32);
        Some(value)
    }

    /// The ids in use, in the order of their slots.
    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        let used = self.slots.iter().enumerate().filter(|(_, slot)| slot.value.is_some());
        used.map(|(index, slot)| ConnectionId(u64::from(slot.generation) << 32 | index as u64)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

fn parts(id: ConnectionId) -> (usize, u32) {
    ((id.0 & u64::from(u32::MAX)) as usize, (id.0 >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_not_used_twice() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!((slab.get(a), slab.get(b), slab.len()), (Some(&'a'), Some(&'b'), 2));
        assert_eq!(slab.remove(a), Some('a'));
        let c = slab.insert('c');
        assert_ne!(a, c);
        assert_eq!(slab.get_mut(c), Some(&mut 'c'));
        assert_eq!((slab.get(a), slab.len()), (None, 2));
        assert_eq!((slab.remove(a), slab.ids()), (None, vec![c, b]));
    }
}
