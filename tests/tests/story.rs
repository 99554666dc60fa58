//! The demo's story as a test.

#[test]
fn the_whole_story_passes() {
    let mut page = Vec::new();
    let passed = mooring_tests::story::run(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    println!("{page}");
    assert!(passed, "{page}");
}
