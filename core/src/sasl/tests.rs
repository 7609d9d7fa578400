//! Both roles through their public API, against each other and against hostile peers.

mod pair;
