//! The planted bugs can be planted. `mutants` plants them.

use std::path::Path;
use waxwing_tests::Mutation;

#[test]
fn every_bug_has_exactly_one_place_in_its_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all = Mutation::all();
    assert!(all.len() >= 12, "{}", all.len());
    for mutation in all {
        let source = std::fs::read_to_string(root.join(&mutation.file)).expect("a file");
        let planted = mutation.plant(&source);
        assert!(planted.is_some_and(|planted| planted != source), "{}: {}", mutation.file, mutation.what);
    }
}
