//! What the compiler says of wrong programs: a snapshot for every rule. `UPDATE_EXPECT=1 cargo xtask test` writes them
//! anew.

#[test]
fn wrong_programs_are_told_what_is_wrong_where() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
