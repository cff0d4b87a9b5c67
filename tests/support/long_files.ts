/**
 * Test files that take longest: they are started first, so that none is left to one core while the others are idle.
 *
 * Seconds of processor time, about, of `time deno test -A --no-check tests/<file>`; only their order matters. `room_times.ts` names files that should stand here and do not.
 */
export const longFiles: Readonly<Record<string, number>> = {
  "user/sample_test.ts": 386,
  "user/hub_smoke_test.ts": 226,
  "user/kill_test.ts": 154,
  "user/golden_test.ts": 109,
  "user/webgpu_test.ts": 108,
  "pipeline/crash_test.ts": 94,
  "user/serve_test.ts": 73,
  "pipeline/run_test.ts": 58,
  "user/edit_test.ts": 46,
  "pipeline/signals_test.ts": 45,
  "user/mischief_test.ts": 44,
  "user/silo_test.ts": 42,
  "pipeline/slurm_test.ts": 40,
  "user/clusters_test.ts": 40,
  "user/joins_test.ts": 40,
  "user/vocabulary_file_test.ts": 38,
  "user/terminal_test.ts": 36,
  "pipeline/transfer_test.ts": 35,
  "user/cuda_native_test.ts": 34,
  "user/participants_test.ts": 34,
  "conformance/engine_contract_test.ts": 33,
  "exchange/kill_test.ts": 31,
  "conformance/exchange_contract_test.ts": 30,
  "conformance/network_agreement_test.ts": 28,
  "pipeline/why_test.ts": 28,
  "user/bad_input_test.ts": 28,
  "pipeline/store_test.ts": 27,
  "user/looking_test.ts": 27,
  "user/cluster_test.ts": 25,
  "user/downstream_files_test.ts": 25,
  "support/slurm_lab_test.ts": 24,
  "user/inference_test.ts": 24,
  "conformance/half_precision_test.ts": 23,
  "pipeline/permissions_test.ts": 23,
  "pipeline/plan_property_test.ts": 23,
  "user/external_test.ts": 23,
  "stages/documents_kill_test.ts": 22,
  "datasets/generators_test.ts": 21,
  "user/init_test.ts": 21,
  "user/metrics_test.ts": 20,
  "user/pythia_test.ts": 20,
  "stages/parallel_sources_test.ts": 19,
  "stages/vocabulary_threads_test.ts": 18,
};

/** A file that takes so many seconds delays the end, if it is started last. */
export const longSeconds = 20;
