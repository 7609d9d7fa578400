//! Both roles through their public API, against each other and against hostile peers.

mod choice;
mod client_hostile;
mod downgrade;
mod ht;
mod messages;
mod pair;
mod server_hostile;
mod server_rules;
