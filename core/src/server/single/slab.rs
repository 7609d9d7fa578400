//! Connections by number, in constant time.

use super::ConnectionId;

/// Values under ids that grow with each value that comes in: how many came before it, and the number of a slot.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// How many have come in. Starts over after 2^32.
    serial: u32,
}

#[derive(Debug)]
struct Slot<T> {
    serial: u32,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Slab<T> {
        Slab { slots: Vec::new(), free: Vec::new(), serial: 0 }
    }

    pub(super) fn insert(&mut self, value: T) -> ConnectionId {
        let serial = self.serial;
        self.serial = serial.wrapping_add(1);
        let slot = Slot { serial, value: Some(value) };
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None => self.slots.len(),
        };
        match self.slots.get_mut(index) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        id(serial, index)
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&T> {
        let (serial, index) = parts(id);
        self.slots.get(index).filter(|slot| slot.serial == serial)?.value.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        let (serial, index) = parts(id);
        self.slots.get_mut(index).filter(|slot| slot.serial == serial)?.value.as_mut()
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<T> {
        let (serial, index) = parts(id);
        let slot = self.slots.get_mut(index).filter(|slot| slot.serial == serial)?;
        let value = slot.value.take()?;
        self.free.push(index as u32);
        Some(value)
    }

    /// The ids in use, in the order of their slots.
    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        let used = self.slots.iter().enumerate().filter(|(_, slot)| slot.value.is_some());
        used.map(|(index, slot)| id(slot.serial, index)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

fn id(serial: u32, index: usize) -> ConnectionId {
    ConnectionId(u64::from(serial) << 32 | index as u64)
}

fn parts(id: ConnectionId) -> (u32, usize) {
    ((id.0 >> 32) as u32, (id.0 & u64::from(u32::MAX)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_are_not_used_twice() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!((slab.get(a), slab.get(b), slab.len()), (Some(&'a'), Some(&'b'), 2));
        assert_eq!(slab.remove(a), Some('a'));
        let c = slab.insert('c');
        assert!(a < b && b < c);
        assert_eq!(slab.get_mut(c), Some(&mut 'c'));
        assert_eq!((slab.get(a), slab.len()), (None, 2));
        assert_eq!((slab.remove(a), slab.ids()), (None, vec![c, b]));
    }
}
