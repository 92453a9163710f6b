/** What the page says about copies, in both languages. */

import { filled } from "../language.js";

const zh = {
  opening: "正在看这台设备上有没有索引……",
  offerIndex: "要先下载书的索引（{size}），只下载一次。",
  offerHashes: "要先下载书的指纹（{size}），只下载一次。其中没有原文，只能说出照抄了多长、出自哪本书。",
  get: "下载（{size}）并查找",
  coming: "正在下载：{loaded} / {total}",
  preparing: "正在打开……",
  failed: "没有成功：{why}",
  again: "重试",
  nothing: "还没有文字可查。",
  looking: "正在查找……",
  writing: "写完再查。",
  version: "第 {n} 版",
  none: "没有照抄：全文 {characters} 字里，没有与书中相同的{least}。",
  some: "全文 {characters} 字里，{share} 与书中一字不差；最长一段 {length} 字，出自《{book}》。",
  baseline: "作者自己重复自己的比例是 {share}（没让模型读的部分里，与读过的部分相同的）。",
  characters: " {n} 字以上的句段",
  words: " {n} 个词以上的句段",
  run: "{length} 字，《{book}》",
  place: "《{book}》第 {offset} 字起，{length} 字",
  hashed: "《{book}》里有这 {length} 字；这个网站没有附上原文。",
  close: "关闭",
  runs: "与书中相同的句段",
  offline: "连不上网站，请检查网络。",
  missing_file: "网站上找不到这个文件，请网站的主人把整个文件夹重新上传。",
  wrong_hash: "下载到的文件与校验值不符，已丢弃；请网站的主人重新上传。",
  originality_other: "它属于另一个模型，不能用来查这个模型的文字。请刷新页面；若仍如此，请网站的主人重新导出。",
  originality_damaged: "文件损坏，请网站的主人重新导出。",
  out_of_memory: "内存不够。请关掉其他标签页再试。",
  unknown: "出了意外（{code}：{detail}）。",
};

/** @type {Record<keyof typeof zh, string>} */
const en = {
  opening: "Looking for the index on this device …",
  offerIndex: "The index of the books has to be downloaded first ({size}), once.",
  offerHashes:
    "Fingerprints of the books have to be downloaded first ({size}), once. They hold no text: they tell how long a copy is and from which book.",
  get: "Download ({size}) and look",
  coming: "Downloading: {loaded} of {total}",
  preparing: "Opening …",
  failed: "That did not work: {why}",
  again: "Try again",
  nothing: "There is no text yet.",
  looking: "Looking …",
  writing: "Looks when it is written.",
  version: "Version {n}",
  none: "Nothing is copied: of {characters} characters, no run of {least} stands in the books.",
  some: "Of {characters} characters, {share} stand word for word in the books; the longest run has {length}, from “{book}”.",
  baseline: "The author repeats himself by {share} (text kept from the model against the text that it read).",
  characters: "{n} characters or more",
  words: "{n} words or more",
  run: "{length} characters, “{book}”",
  place: "“{book}”, {length} characters from character {offset} on",
  hashed: "These {length} characters stand in “{book}”; this site does not ship its text.",
  close: "Close",
  runs: "Runs that stand in the books",
  offline: "The site cannot be reached; check the network.",
  missing_file: "The site lacks this file; its owner must upload the whole folder again.",
  wrong_hash: "The file does not match its checksum and was thrown away; the site's owner must upload it again.",
  originality_other:
    "It belongs to another model and cannot be used for this one. Reload the page; if it stays so, the site's owner must export it again.",
  originality_damaged: "The file is damaged; the site's owner must export it again.",
  out_of_memory: "There is not enough memory. Close other tabs and try again.",
  unknown: "Something unexpected happened ({code}: {detail}).",
};

export const WORDS = { zh, en };

/** @typedef {keyof typeof zh} Word */

/**
 * @param {import("../language.js").Language} language
 * @param {Word} name
 * @param {Record<string, string | number>} [values]
 */
export const word = (language, name, values = {}) => filled(WORDS[language][name], values);

/** A share of a text: exact where it is nothing. @param {number} share */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}
