//! `rehearse`: everything is in the library.

fn main() -> std::process::ExitCode {
    rehearsal::cli::main()
}
