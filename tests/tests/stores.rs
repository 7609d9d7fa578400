//! The store in memory does what every store must do. `waxwing-sqlite` runs the same.

use waxwing_core::server::store::MemoryStore;
use waxwing_tests::stores;

#[test]
fn the_store_in_memory_keeps_the_rules() {
    stores::rules(MemoryStore::new());
}
