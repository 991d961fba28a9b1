pub struct Candidate; pub struct Completion; pub enum Sort {} pub fn complete() {}
