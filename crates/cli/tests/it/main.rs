//! The reference pages are what the source says. `UPDATE_EXPECT=1` writes them anew.

use std::path::Path;

use expect_test::expect_file;

#[test]
fn the_reference_pages_are_what_the_source_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (name, text) in ketch_cli::reference() {
        expect_file![folder.join(name)].assert_eq(&text);
    }
}
