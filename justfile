# Entry points for developers; `just` lists them.

default:
    @just --list

# All that a change must pass
ci:
    .ci/run

# Accept what the compiler now says about the UI cases
bless:
    NASREC_BLESS=1 cargo test --release -p nasrecc --test end_to_end ui
