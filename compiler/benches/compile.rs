//! How long the compiler takes: from text to a plan, and for files of many lines. `docs/benchmarks.md` has the goals and
//! what was measured.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::format::{ArchSource, format_archs, format_source};
use nasrec_compiler::plan::{Cost, Plan};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::End;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Program, Space, syntax};

#[path = "../tests/generate/mod.rs"]
mod generate;
#[path = "../tests/memory/mod.rs"]
#[allow(dead_code, reason = "only the loader is needed")]
mod memory;

use memory::{ENTRY, Memory};

/// Lines of the generated files.
const LINES: [usize; 3] = [1_000, 10_000, 100_000];

const SEARCH: &str = "import \"nasrec_full.nasrec\" { nasrec_full }\nimport \"schemas.nasrec\" { criteo }\n\
                      search s on nasrec_full with criteo { data { files: \"day.tsv\" } }\n";

/// Everything that the command does before it computes: read, check, bind, draw, plan.
fn plan(text: &str) -> Plan {
    let (program, findings) = Program::load(ENTRY, &Memory::new([(ENTRY, text)]));
    assert!(findings.is_empty() && program.check().is_empty());
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("it is there");
    let search = program.search(&item, &[]).expect("it was checked");
    let space = Space::bind(&search.space, &search.schema).expect("it was checked");
    let architecture = space.sample(Counts::Uniform, &mut Streams::new(1).rng("benchmark", 0));
    space.plan(&architecture).expect("every choice is made")
}

fn from_text_to_plan(criterion: &mut Criterion) {
    criterion.bench_function("plan/nasrec_full", |bencher| bencher.iter(|| plan(black_box(SEARCH))));
}

/// Counts that are exact, whatever their size: the architectures that differ.
fn counts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distinct");
    group.sample_size(20);
    for name in ["nasrec_full", "nasrec_small"] {
        let text = SEARCH.replace("nasrec_full", name);
        let (program, _) = Program::load(ENTRY, &Memory::new([(ENTRY, &text)]));
        let search = program.search(&program.items()[0], &[]).expect("it is sound");
        let sizes = search.space.graph.sizes_of(&search.schema);
        group.bench_function(name, |bencher| bencher.iter(|| search.space.graph.distinct_count(black_box(sizes))));
    }
    group.finish();
}

/// Ten thousand architectures that keep to a limit on their cost, and their source.
fn draws(criterion: &mut Criterion) {
    let text = SEARCH.replace("data {", "require macs <= 2M\ndata {");
    let (program, findings) = Program::load(ENTRY, &Memory::new([(ENTRY, &text)]));
    assert!(findings.is_empty());
    let search = program.search(&program.items()[0], &[]).expect("it is sound");
    let space = Space::bind(&search.space, &search.schema).expect("it fits");
    let drawn = || {
        let streams = Streams::new(1);
        let mut meter = space.meter();
        let all = (0..).map(|index| space.sample(Counts::Uniform, &mut streams.rng("sample", index)));
        let allowed = all.filter(|drawn| {
            let costs = meter.costs(drawn).expect("it is complete");
            space.broken(drawn, Some(costs)).is_none()
        });
        allowed.take(10_000).collect::<Vec<Architecture>>()
    };
    let mut group = criterion.benchmark_group("draws");
    group.sample_size(10);
    group.bench_function("nasrec_full within 2M macs", |bencher| bencher.iter(drawn));
    let drawn = drawn();
    let named: Vec<(String, Vec<String>, &Architecture)> =
        drawn.iter().enumerate().map(|(at, drawn)| (format!("drawn_{at}"), Vec::new(), drawn)).collect();
    let source = ArchSource {
        name: "",
        docs: Vec::new(),
        imports: Vec::new(),
        items: String::new(),
        space: &space.name,
        arguments: &space.arguments,
        schema: Some("criteo"),
    };
    group.bench_function("written", |bencher| {
        bencher.iter(|| format_archs(&source, space.choices(), black_box(&named)))
    });
    group.finish();
}

/// The least and the most that a space can cost, proved.
fn bounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bounds");
    group.sample_size(10);
    for name in ["nasrec_full", "nasrec_small"] {
        let text = SEARCH.replace("nasrec_full", name);
        let (program, _) = Program::load(ENTRY, &Memory::new([(ENTRY, &text)]));
        let search = program.search(&program.items()[0], &[]).expect("it is sound");
        let space = Space::bind(&search.space, &search.schema).expect("it fits");
        for (cost, end) in [(Cost::Macs, End::Least), (Cost::Macs, End::Most), (Cost::ActivationBytes, End::Most)] {
            let id = format!("{name}, {end:?} {}", cost.words());
            group.bench_function(id, |bencher| bencher.iter(|| space.extreme(black_box(cost), end)));
        }
    }
    group.finish();
}

fn generated(lines: usize) -> String {
    generate::program_of(Streams::new(3).rng("benchmark", 0), lines)
}

fn check(text: &str) -> usize {
    let (program, mut findings) = Program::load(ENTRY, &Memory::new([(ENTRY, text)]));
    findings.extend(program.check());
    assert!(findings.is_empty(), "{:?}", findings[0]);
    program.items().len()
}

fn files_of_many_lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lines");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(4));
    for lines in LINES {
        let text = generated(lines);
        group.throughput(Throughput::Elements(text.lines().count() as u64));
        let id = |what| BenchmarkId::new(what, lines);
        group.bench_function(id("parse"), |bencher| bencher.iter(|| syntax::parse(FileId(0), black_box(&text))));
        group.bench_function(id("check"), |bencher| bencher.iter(|| check(black_box(&text))));
        group.bench_function(id("format"), |bencher| {
            bencher.iter(|| format_source(FileId(0), black_box(&text)).expect("it parses"));
        });
    }
    group.finish();
}

criterion_group!(benches, from_text_to_plan, counts, draws, bounds, files_of_many_lines);
criterion_main!(benches);
