/** The words of <gpt2-writer>. */

const en = {
  opening: "Opening – the model goes on from here",
  write: "Write",
  stop: "Stop",
  continue: "Continue",
  loading: "Downloading:",
  preparing: "Preparing the model …",
  writing: "Writing …",
};

/** @type {Record<"en" | "zh", typeof en>} */
export const WORDS = {
  en,
  zh: {
    opening: "开头——模型会接着往下写",
    write: "写",
    stop: "停",
    continue: "续写",
    loading: "正在下载：",
    preparing: "正在准备模型……",
    writing: "正在写……",
  },
};
