/** Every sentence of the views, in both languages. {name} is filled in by `text`. */

/**
 * @typedef {"zh" | "en"} Language
 * @typedef {keyof typeof zh} Key
 */

const zh = {
  views: "看模型内部",
  view_candidates: "怎么选的",
  emptyText: "这里还没有文字：只能看第一个词元会是什么。",
  showBytes: "显示拼成一个字的字节",
  chooseToken: "文字：用方向键或点选一个词元",
  afterEnd: "文末：接下来会是什么",
  failed: "这里算不出来：",
  failed_stopped: "模型正在写，写完再看。",
  failed_unsupported: "这种运行方式看不到内部。",
  failed_gone: "模型换了运行方式，请再点一次。",
  failed_absent: "这个文件里没有存它需要的数：用 --views 加上这一种，再生成一次。",
  failed_old_browser: "这个浏览器太旧，解不开文件里的数：请换新的浏览器打开。",
  windowOfText: "全文有 {total} 个词元，这里看的是第 {from} 到第 {to} 个。",
  failed_nan: "模型在这里算出的不是数（NaN）：它的权重坏了，没有可看的。",
  again: "再试一次",
  window: "文字有 {all} 个词元，这里看第 {from} 到 {to} 个：一次最多 {limit} 个。把光标移到别处，就看那里。",
  paste: "看另一段文字",
  pasteLabel: "要看的文字",
  pasteLook: "看这一段",
  pasteBack: "回到文稿",
  candidatesIntro:
    "点一个字：看当时最可能的十个词元、设置去掉了哪些、随机数落在哪里。拖动温度，条形马上变，文字不变。",
  candidatesAt: "第 {n} 个词元「{token}」的位置上，最可能的十个",
  candidatesAfter: "接下来最可能的十个",
  candidatesList: "最可能的十个词元：模型给的概率，和经过设置之后被抽中的概率",
  candidatesRest: "其余所有词元合占 {share}；按现在的设置，可能抽到的有 {n} 个。",
  inexact: "这里只存了最可能的 {n} 个，设置之后的概率只在它们之间计算。",
  barBefore: "模型给的概率",
  barAfter: "经过设置之后",
  takeCandidate: "从这里改写成「{token}」，另起一枝往下写",
  partOfCharacter: "这只是一个字的一部分，不能单独选。",
  nothingToTake: "这不是文字，不能选。",
  written: "写的是它",
  cut_temperature: "温度为 0，只取第一",
  cut_topK: "被 top-k 去掉",
  cut_topP: "被 top-p 去掉",
  drawTitle: "抽签",
  noDraw: "这个位置没有抽过签：不是模型写的，或还没写。",
  drawOne: "只剩「{token}」一个候选，不用抽。",
  drawFell: "随机数 {random} 落在「{token}」的一段上：{from} 到 {to}，占 {share}。",
  drawOther: "写的时候设置不同，所以文中是另一个。",
  settings: "设置",
  temperature: "温度",
  topK: "top-k",
  topP: "top-p",
  all: "不限",
};

/** @type {typeof zh} */
const en = {
  views: "Inside the model",
  view_candidates: "How it chose",
  emptyText: "There is no text here yet: only what the first token might be can be shown.",
  showBytes: "Show the bytes that make one character",
  chooseToken: "The text: choose a token with the arrow keys or by tapping",
  afterEnd: "The end: what comes next",
  failed: "This cannot be computed here:",
  failed_stopped: "The model is writing; look again when it has finished.",
  failed_unsupported: "What computes here cannot be looked into.",
  failed_gone: "Something else computes the model now; please tap again.",
  failed_absent: "This file does not hold the numbers for it; make it again with this view among --views.",
  failed_old_browser: "This browser is too old to unpack the file's numbers; open it in a newer one.",
  windowOfText: "The whole text has {total} tokens; these are {from} to {to}.",
  failed_nan:
    "What the model computes here is not a number (NaN): its weights are damaged, there is nothing to see.",
  again: "Try again",
  window:
    "The text has {all} tokens; here are {from} to {to}, for {limit} are the most at once. Move the caret elsewhere to look there.",
  paste: "Look at another text",
  pasteLabel: "The text to look at",
  pasteLook: "Look at this",
  pasteBack: "Back to the manuscript",
  candidatesIntro:
    "Tap a character: the ten likeliest tokens there, what the settings cut away, and where the random number fell. " +
    "Move the temperature and the bars follow at once; the text stays.",
  candidatesAt: "The ten likeliest where token {n}, “{token}”, stands",
  candidatesAfter: "The ten likeliest to come next",
  candidatesList: "The ten likeliest tokens: the model's probability, and that of being drawn with these settings",
  candidatesRest: "All other tokens share {share}; with these settings {n} can be drawn.",
  inexact: "Only the {n} likeliest are kept here; what settings do to them is computed among them alone.",
  barBefore: "the model's probability",
  barAfter: "with the settings",
  takeCandidate: "Write on from here with “{token}” instead, as another branch",
  partOfCharacter: "This is only part of a character and cannot be taken alone.",
  nothingToTake: "This is no text and cannot be taken.",
  written: "written",
  cut_temperature: "temperature 0 takes only the first",
  cut_topK: "cut by top-k",
  cut_topP: "cut by top-p",
  drawTitle: "The draw",
  noDraw: "Nothing was drawn here: the model did not write it, or has not yet.",
  drawOne: "Only “{token}” is left, so there is nothing to draw.",
  drawFell: "The random number {random} fell on the piece of “{token}”: {from} to {to}, a share of {share}.",
  drawOther: "The settings were others when it was written, so another one stands in the text.",
  settings: "Settings",
  temperature: "Temperature",
  topK: "top-k",
  topP: "top-p",
  all: "all",
};

export const STRINGS = { zh, en };

/**
 * @param {Language} language
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 * @returns {string} Empty where there is no such sentence.
 */
export function text(language, key, values = {}) {
  return (STRINGS[language][key] ?? "").replace(/\{(\w+)\}/g, (blank, name) =>
    name in values ? String(values[name]) : blank,
  );
}
