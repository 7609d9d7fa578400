//! XEP-0016 section 2: what a list does to a stanza. (The tests are below, by section.)
