//! `streamgauge-wasm-bindgen MODULE.wasm FOLDER`: writes the module and its JavaScript and TypeScript to a folder.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder] = arguments.as_slice() else {
        eprintln!("usage: streamgauge-wasm-bindgen MODULE.wasm FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen
        .input_path(module)
        .out_name("streamgauge")
        .web(true)
        // Without arguments, `init` takes the module that lies beside the JavaScript.
        .and_then(|bindgen| bindgen.omit_default_module_path(false).typescript(true).generate(folder));
    if let Err(error) = made {
        eprintln!("{module}: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
