/** Compiles src/kernels to WebAssembly. */

import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

// The memory of one thread, and memory that threads share: a module takes one kind or the other.
const OWN = [["--initialMemory", "0"]];
export const SHARED = [
  ["--enable", "threads", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
];

const KERNELS = fileURLToPath(new URL("./src/kernels/", import.meta.url));

/**
 * @param {string} file To write.
 * @param {string[][]} memory Options that say which kind of memory the module is given.
 * @throws {Error} With the compiler's messages.
 */
export async function compileKernels(file, memory = OWN) {
  const options = [
    ["index.ts", "--baseDir", KERNELS, "--outFile", file],
    ["--optimizeLevel", "3", "--noAssert", "--enable", "simd"],
    // The memory is that of tfjs, of any size; nothing here allocates, so there is no runtime and nothing to abort with.
    ["--importMemory", "--noExportMemory", "--runtime", "stub", "--use", "abort="],
    ...memory,
    // Functions that take vectors are called among the kernels only.
    ["--disableWarning", "112"],
  ];
  const { error, stderr } = await asc.main(options.flat());
  if (error) throw new Error(`${error.message}\n${stderr}`);
}
