// numbers.rs: a WASI command in Rust: the numbers in the request, and the request itself.
use std::io::Read;

fn main() {
    let mut request = String::new();
    std::io::stdin().read_to_string(&mut request).expect("the request is UTF-8");
    let mut numbers: Vec<f64> = request
        .split(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == '-'))
        .filter_map(|text| text.parse().ok())
        .collect();
    numbers.sort_by(|a, b| a.total_cmp(b));
    if numbers.is_empty() {
        println!("{{\"error\":\"there is no number\"}}"); // an application error
        return;
    }
    eprintln!("{} runs", std::env::var("__OW_ACTION_NAME").unwrap_or_default()); // for the sealed log
    let median = numbers[numbers.len() / 2];
    println!("{{\"count\":{},\"median\":{},\"of\":{}}}", numbers.len(), median, request);
}
