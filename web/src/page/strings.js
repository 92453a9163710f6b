/** Every sentence of the page, in both languages. {name} is filled in by `text`. */

/** @typedef {"zh" | "en"} Language */

const zh = {
  languageButton: "English",
  skip: "跳到写作区",
  lead: "它读过下面这些书，然后在你的浏览器里接着写。文字只留在你的设备上，不会传到任何服务器。",
  samplesTitle: "它写过的段落",
  previous: "上一段",
  next: "下一段",
  samplePlace: "{n} / {all}",
  cardTitle: "关于这个模型",
  books: "读过的书",
  andMore: "等 {n} 部",
  sizeValue: "{parameters} 参数 · {layers} 层 · 上下文 {context} {unit}",
  loss: "验证损失",
  lossValue: "每个{unit} {loss} nats（没读过的文字，越低越好）",
  date: "训练日期",
  download: "下载大小",
  runsOn: "运行方式",
  deskTitle: "写作",
  promptLabel: "开头——模型会接着往下写",
  promptPlaceholder: "写一句开头，或从下面挑一句……",
  openings: "开头示例",
  load: "只下载模型（{size}）",
  loadNote: "模型共 {bytes} 字节，只需下载一次；之后断网也能写。",
  loadKept: "打开模型",
  loadKeptNote: "模型已存在这台设备上，无需下载。",
  retry: "重试",
  write: "写",
  stop: "停",
  stopping: "正在停……",
  continue: "续写",
  undo: "撤销",
  share: "复制分享链接",
  copyFailed: "浏览器不让复制；请手动选中文字。",
  progressDownload: "正在下载：{loaded} / {total}",
  progressCache: "正在从本机读取：{loaded} / {total}",
  progressPrepare: "正在准备模型……",
  progressCheck: "正在自检……",
  ready: "可以写了。",
  readyIn: "可以写了（{seconds} 秒）。",
  writing: "正在写第 {n} 版……",
  speed: "{speed} {unit}/秒",
  character: "字",
  token: "词元",
  finished: "写完了，共 {n} {unit}。",
  stopped: "停下了，共 {n} {unit}。",
  ended: "这一章写到了结尾。",
  version: "第 {n} 版",
  seedUsed: "种子 {seed}",
  copy: "复制",
  copied: "已复制。",
  save: "存为 .txt",
  useAsPrompt: "作为开头",
  continueThis: "续写这一版",
  settings: "设置",
  defaults: "恢复默认",
  temperature: "温度",
  temperatureHelp: "越低越稳妥、越爱重复，越高越大胆；0 总是选最可能的{unit}。",
  topK: "候选数（top-k）",
  topKHelp: "每一步只在最可能的这么多个{unit}里选；0 表示不限。",
  topP: "概率范围（top-p）",
  topPHelp: "只在合起来占这么大概率的候选里选；1 表示不限。",
  repetitionPenalty: "重复惩罚",
  repetitionPenaltyHelp: "大于 1 时，写过的{unit}不容易再出现；1 表示不惩罚。",
  maxNewTokens: "每次写多长",
  maxNewTokensHelp: "每按一次“写”或“续写”最多写这么多{unit}。",
  versions: "同时写几版",
  versionsHelp: "同一个开头写出几个不同版本，并排比较。",
  seed: "种子",
  seedHelp: "同样的种子、开头和设置，写出同样的文字；留空则每次随机。",
  seedRandom: "随机",
  dismiss: "知道了",
  footer: "文字由模型编造，情节和人物言行并非原著内容。",
  fileName: "续写",
  // Troubles: what happened and what to do.
  offline: "连不上模型文件，下载没有完成。请检查网络，然后按“重试”。已写的文字都还在。",
  missing_file:
    "网站上找不到一个模型文件（{detail}）。请稍后重试；若一直如此，请网站的主人把导出的整个文件夹重新上传。",
  host_busy:
    "网站的主机现在忙，不肯给文件（{detail}）。请过一会儿按“重试”：已下载的文件都留着，会接着下载。这不是你设备的问题。",
  host_fault:
    "网站的主机出了故障（{detail}）。请过一会儿按“重试”：已下载的文件都留着，会接着下载。这不是你设备的问题。",
  host_refuses: "网站的主机不许读取这个文件（{detail}）。网站的主人需要把 bundle 文件夹设为所有人可读。",
  led_away:
    "文件（{detail}）被转到了另一个网站，页面不能跟过去。若网络要求登录，请先登录再按“重试”；否则网站的主人需要让主机直接给出这个文件。",
  web_page:
    "得到的不是所要的文件（{detail}），而是一个网页。若网络要求登录，请先登录再按“重试”；否则请网站的主人把整个文件夹重新上传。",
  model_offered: "模型有了新版本（{size}）。现在的模型照常可用；要下载新版本吗？",
  model_update: "下载新版本",
  model_coming: "正在后台下载模型的新版本：{loaded} / {total}。现在的模型照常可用。",
  model_kept: "模型的新版本已存好，下次打开时启用；现在用的仍是旧版本。",
  model_not_kept: "模型的新版本存不下，继续用现在的版本。腾出存储空间后再打开即可。",
  model_not_fetched: "模型的新版本没有下载完（{detail}）；现在的模型照常可用，下次从断开的地方接着下载。",
  wrong_hash:
    "下载到的文件（{detail}）与校验值不符，已丢弃，没有存入设备。请按“重试”；若一直如此，请网站的主人重新上传。",
  bundle_version:
    "模型文件的格式版本（{detail}）与这个页面不配。请刷新页面；若仍如此，请网站的主人用同一版本重新导出。",
  bundle_damaged: "模型文件损坏（{detail}）。请按“重试”；若一直如此，请网站的主人重新导出。",
  no_webassembly:
    "这个浏览器关掉了 WebAssembly，模型无法用它计算。请在浏览器设置里打开它，或换用新版的 Chrome、Edge、Firefox 或 Safari。",
  wasm_forbidden:
    "网站主机的 Content-Security-Policy 响应头不许用 WebAssembly，不是这台设备的问题。请网站的主人在 script-src 里加上 'wasm-unsafe-eval'。",
  scripts_forbidden:
    "网站主机的 Content-Security-Policy 响应头不许页面启动自己的程序（{detail}），不是这台设备的问题。请网站的主人允许 worker-src 'self' 和 trusted-types tf_gpt2。",
  program_missing:
    "网站主机没有给出页面的一个程序文件（{detail}）。请稍后刷新页面；若一直如此，请网站的主人把整个文件夹重新上传。",
  not_offered: "这个浏览器没有所要的计算方式（{detail}）。请去掉地址里的 backend= 再打开。",
  sandboxed:
    "这个页面被放在没有 allow-same-origin 的沙盒框架里，浏览器不许它读取自己的文件。请在单独的标签页里打开它，或请嵌入它的网页在 sandbox 里加上 allow-same-origin。",
  opening_crashed:
    "前两次打开模型时页面都中断了，可能是内存不够，所以这次没有自动打开。请先关掉其他标签页，再按按钮打开。",
  backend_failed: "这台设备上没有能用的计算方式（{detail}）。请换用新版的 Chrome、Edge、Firefox 或 Safari 再打开。",
  golden_mismatch: "自检没有通过（{detail}），这台设备算出的结果不对，所以没有启用。请更新浏览器或显卡驱动后重试。",
  device_lost: "显卡中断了计算（{detail}），已写的文字都还在。",
  out_of_memory: "内存不够，模型停下了。请关掉其他标签页，然后按“重试”。已写的文字都还在。",
  worker_failed: "页面的程序文件没有载入（{detail}）。请检查网络并刷新页面。",
  unknown: "出了意外（{detail}）。请按“重试”；已写的文字都还在。",
  switched: "{from} 不能用（{why}），已改用 {to}。",
  why_no_webassembly: "浏览器没有 WebAssembly",
  why_wasm_forbidden: "主机的响应头不许用 WebAssembly",
  why_program_missing: "主机没有给出程序文件",
  why_backend_failed: "设备不支持",
  why_golden_mismatch: "自检结果不对",
  why_device_lost: "显卡中断了计算",
  why_worker_failed: "程序文件没有载入",
  why_out_of_memory: "内存不够",
  why_unknown: "出了意外",
  storage_full: "设备的存储空间不够，模型这次能用，但没有存下来，下次要重新下载。腾出空间后再打开即可。",
  storage_unavailable: "浏览器不让这个页面存文件（隐私模式或非 https 地址），模型这次能用，下次要重新下载。",
  no_simd: "这个浏览器没有 WebAssembly SIMD，写得会很慢。更新浏览器会快好几倍。",
  prompt_cut: "开头太长，模型只看得到最后 {n} {unit}；前面的仍会保留在文字里。",
  link_adjusted: "分享链接里有些设置超出了范围，已改成最接近的可用值。",
  link_damaged: "分享链接不完整或损坏，读不出来，已忽略。",
  file_protocol:
    "这个页面不能直接从文件夹打开，浏览器不允许它读取模型。请在这个文件夹里运行 python3 -m http.server，然后打开 http://localhost:8000 。",
  site_missing: "网站缺少 site.json，或它已损坏。请刷新页面；若仍如此，请网站的主人重新导出网站。",
  site_damaged: "网站的 site.json 里有一项（{detail}）缺少或不对。请刷新页面；若仍如此，请网站的主人重新导出网站。",
  updated: "页面有了新版本，刷新后生效。",
  firstPress: "按“写”会先下载模型（{size}，只需一次），随即开始写。",
  firstPressKept: "模型已在这台设备上；按“写”就开始。",
  redo: "重做",
  openingChanged: "开头改过了：按“写”会用新开头写新的一篇；下面的文字不变。",
  runsOnDevice: "在你的设备上写，不上传任何文字",
  technical: "技术细节",
  computes: "{backend} · 自检误差 {error} · 每个{unit} {milliseconds} 毫秒",
  sampleBook: "选一本书",
  sampleContinue: "从这段往下写",
  sharedTitle: "有人分享给你：",
  sharedNote: "这是分享来的文字。按下面的按钮，模型会在你的设备上写出一模一样的一篇，你可以接着写。",
  sharedOpeningOnly: "这里只有开头。按下面的按钮，模型会写出分享的那一篇，一字不差。",
  sharedTextOnly: "链接里带的是全文。",
  sharedOtherModel: "这篇是另一个模型写的，这里的模型写不出同样的文字；上面是链接里带来的全文。",
  sharedOtherModelNoText: "这篇是另一个模型写的，这里的模型写不出同样的文字；链接里只带了开头。",
  sharedWrite: "写出这一篇",
  sharedLoad: "下载模型（{size}）并写出这一篇",
  sharedKeep: "把这段文字收下",
  sharedDismiss: "不用了",
  shared_all: "链接已复制；对方打开后得到一模一样的文字。",
  shared_some: "链接已复制；放不下所有文字，只带了前面几版。",
  shared_text: "链接已复制；改动太多，链接里直接带了全文。",
  shared_end: "链接已复制；文字太长，链接里只带了结尾部分。",
  shared_draft: "链接已复制，里面有开头和设置。",
  shareByHand: "浏览器不让复制；链接在地址栏里，请从那里复制。",
  shareThis: "分享",
  branch: "换一种写法",
  onlyThis: "只看这一版",
  continueFromCaret: "从光标处续写",
  more: "更多",
  editVersion: "第 {n} 版的文字，可以直接修改",
  alternative: "{n} / {all}",
  previousAlternative: "上一种写法",
  nextAlternative: "下一种写法",
  seedAndSample: "种子 {seed}，第 {n} 份",
  history: "写过的各个版本",
  historyNote: "改过、撤销过、换过的写法都在这里，点一下就回来。",
  manuscripts: "文稿",
  newManuscript: "新文稿",
  keptHere: "文稿自动存在这台设备上，刷新或重开都还在。",
  keptNowhere: "浏览器不让这个页面存东西：能写，但什么都不会留下。请在离开前保存。",
  untitled: "（还没写）",
  onTheDesk: "正在写",
  open: "打开",
  rename: "改名",
  saveText: "存为 .txt",
  saveJson: "存为 .json",
  remove: "删除",
  removeSure: "确定删除",
  keep_failed: "文稿存不下来（设备可能满了）；文字都还在页面上，请另存为 .txt。",
  copied_apart: "另一个标签页改过这篇文稿，这里的内容已另存为一篇。",
  open_elsewhere: "这篇文稿正在另一个标签页里打开。",
  manuscript_damaged: "这篇文稿读不出来了。",
  corrected: "已改为 {value}（可用范围 {min} 到 {max}）。",
  finishSentence: "写完整句",
  finishSentenceHelp: "到了长度时把最后一句写完，最多多写 60 个{unit}。",
  hardly_known: "这个开头里有模型几乎没见过的字，写出来的可能不像样。",
  link_differs: "这台设备写出的与分享的不完全一样（算法略有不同）。",
};

/** @type {Record<keyof typeof zh, string>} */
const en = {
  languageButton: "中文",
  skip: "Skip to writing",
  lead: "It has read the books below and writes on in your browser. The text stays on your device; nothing is sent to any server.",
  samplesTitle: "Passages it has written",
  previous: "Previous passage",
  next: "Next passage",
  samplePlace: "{n} / {all}",
  cardTitle: "About this model",
  books: "Books read",
  andMore: "and more, {n} in all",
  sizeValue: "{parameters} parameters · {layers} layers · context {context} {unit}s",
  loss: "Validation loss",
  lossValue: "{loss} nats per {unit} (on text it has not read; lower is better)",
  date: "Trained",
  download: "Download",
  runsOn: "Runs",
  deskTitle: "Write",
  promptLabel: "Opening – the model goes on from here",
  promptPlaceholder: "Write an opening, or pick one below …",
  openings: "Example openings",
  load: "Only download the model ({size})",
  loadNote: "The model is {bytes} bytes in all, downloaded once; afterwards it writes without a network too.",
  loadKept: "Open the model",
  loadKeptNote: "The model is on this device already; nothing to download.",
  retry: "Try again",
  write: "Write",
  stop: "Stop",
  stopping: "Stopping …",
  continue: "Continue",
  undo: "Undo",
  share: "Copy share link",
  copyFailed: "The browser does not allow copying; select the text by hand.",
  progressDownload: "Downloading: {loaded} of {total}",
  progressCache: "Reading from this device: {loaded} of {total}",
  progressPrepare: "Preparing the model …",
  progressCheck: "Checking itself …",
  ready: "Ready to write.",
  readyIn: "Ready to write ({seconds} s).",
  writing: "Writing version {n} …",
  speed: "{speed} {unit}s/s",
  character: "character",
  token: "token",
  finished: "Done: {n} {unit}s.",
  stopped: "Stopped after {n} {unit}s.",
  ended: "The model ended the chapter here.",
  version: "Version {n}",
  seedUsed: "seed {seed}",
  copy: "Copy",
  copied: "Copied.",
  save: "Save as .txt",
  useAsPrompt: "Use as opening",
  continueThis: "Continue this one",
  settings: "Settings",
  defaults: "Restore defaults",
  temperature: "Temperature",
  temperatureHelp: "Lower is safer and repeats more, higher is bolder; 0 always takes the likeliest {unit}.",
  topK: "Candidates (top-k)",
  topKHelp: "Each step chooses among so many of the likeliest {unit}s; 0 for all.",
  topP: "Share of probability (top-p)",
  topPHelp: "Choose only among candidates that have this probability together; 1 for no limit.",
  repetitionPenalty: "Repetition penalty",
  repetitionPenaltyHelp: "Above 1, {unit}s already written come back less easily; 1 does nothing.",
  maxNewTokens: "Length",
  maxNewTokensHelp: "How many {unit}s one press of Write or Continue writes at most.",
  versions: "Versions",
  versionsHelp: "Writes several texts from one opening, side by side.",
  seed: "Seed",
  seedHelp: "Same seed, opening and settings, same text; leave it empty for a new one each time.",
  seedRandom: "random",
  dismiss: "Got it",
  footer: "The model makes its texts up: plot and words of the characters are not from the books.",
  fileName: "passage",
  offline:
    "The model's files cannot be reached, so the download is not complete. Check the network, then press Try again. Your texts are still here.",
  missing_file:
    "A file of the model is not on the site ({detail}). Try again later; if it stays so, the site's owner must upload the whole exported folder again.",
  host_busy:
    "The site's host is busy and does not give the file ({detail}). Wait a while, then press Try again: the files that have come stay, and the download goes on there. Your device is not at fault.",
  host_fault:
    "The site's host has a fault ({detail}). Wait a while, then press Try again: the files that have come stay, and the download goes on there. Your device is not at fault.",
  host_refuses:
    "The site's host refuses a file ({detail}). The site's owner must make the bundle folder readable for everyone.",
  led_away:
    "A file ({detail}) is redirected to another site, where the page may not follow. If the network wants you to sign in, do so and press Try again; otherwise the site's owner must have the host give the file itself.",
  web_page:
    "Instead of a file of the site ({detail}) a web page came. If the network wants you to sign in, do so and press Try again; otherwise the site's owner must upload the whole folder again.",
  model_offered:
    "There is a newer version of the model ({size}). The present one goes on working; download the new one?",
  model_update: "Download it",
  model_coming: "Downloading the newer version of the model: {loaded} of {total}. The present one goes on working.",
  model_kept:
    "The newer version of the model is on this device and is used from the next visit on; this visit goes on with the present one.",
  model_not_kept:
    "There is no room to keep the newer version of the model, so the present one stays. Free some space and open the page again.",
  model_not_fetched:
    "The newer version of the model did not come whole ({detail}). The present one goes on working; the next try goes on where this one stopped.",
  wrong_hash:
    "A downloaded file ({detail}) does not match its checksum; it was thrown away and not kept. Press Try again; if it stays so, the site's owner must upload it again.",
  bundle_version:
    "The model's files have format version {detail}, which this page does not read. Reload the page; if it stays so, the site's owner must export page and model together.",
  bundle_damaged:
    "The model's files are damaged ({detail}). Press Try again; if it stays so, the site's owner must export them again.",
  no_webassembly:
    "WebAssembly is switched off in this browser, so the model cannot compute with it. Switch it on in the settings, or use a current Chrome, Edge, Firefox or Safari.",
  wasm_forbidden:
    "The host's header Content-Security-Policy forbids WebAssembly; this device is not at fault. The site's owner must add 'wasm-unsafe-eval' to its script-src.",
  scripts_forbidden:
    "The host's header Content-Security-Policy forbids the page to start its own programs ({detail}); this device is not at fault. The site's owner must allow worker-src 'self' and trusted-types tf_gpt2.",
  program_missing:
    "The host does not give a program file of the page ({detail}). Reload the page later; if it stays so, the site's owner must upload the whole folder again.",
  not_offered:
    "This browser does not have that way of computing ({detail}). Open the page without backend= in its address.",
  sandboxed:
    "This page stands in a sandboxed frame without allow-same-origin, where the browser does not let it read its own files. Open it in a tab of its own, or ask the owner of the page around it to add allow-same-origin to the frame's sandbox.",
  opening_crashed:
    "The page broke off twice while it opened the model, perhaps for want of memory, so it was not opened by itself this time. Close other tabs, then open it with the button.",
  backend_failed:
    "This device has no way of computing that works ({detail}). Open the page in a current Chrome, Edge, Firefox or Safari.",
  golden_mismatch:
    "The self-check failed ({detail}): this device computes wrong results, so the model was not started. Update the browser or the graphics driver and try again.",
  device_lost: "The graphics card broke off ({detail}). Your texts are still here.",
  out_of_memory:
    "There is not enough memory, so the model stopped. Close other tabs, then press Try again. Your texts are still here.",
  worker_failed: "A program file of the page did not load ({detail}). Check the network and reload the page.",
  unknown: "Something unexpected happened ({detail}). Press Try again; your texts are still here.",
  switched: "{from} does not work here ({why}); the page now uses {to}.",
  why_no_webassembly: "the browser has no WebAssembly",
  why_wasm_forbidden: "a header of the host forbids WebAssembly",
  why_program_missing: "the host does not give a program file",
  why_backend_failed: "the device does not offer it",
  why_golden_mismatch: "the self-check failed",
  why_device_lost: "the graphics card broke off",
  why_worker_failed: "a program file did not load",
  why_out_of_memory: "not enough memory",
  why_unknown: "something unexpected happened",
  storage_full:
    "The device's storage is full: the model works now but was not kept, and would be downloaded again next time. Free some space and open the page again.",
  storage_unavailable:
    "The browser does not let this page keep files (private mode, or an address without https): the model works now but would be downloaded again next time.",
  no_simd:
    "This browser has no WebAssembly SIMD, so writing will be slow. An update of the browser makes it several times faster.",
  prompt_cut: "The opening is long: the model sees only its last {n} {unit}s. The rest stays in your text.",
  link_adjusted: "Some settings in the share link were out of range and were set to the nearest value that works.",
  link_damaged: "The share link is incomplete or damaged and could not be read; it was ignored.",
  file_protocol:
    "This page cannot be opened straight from a folder, because browsers do not let it read the model there. Run python3 -m http.server in this folder, then open http://localhost:8000 .",
  site_missing:
    "The site's file site.json is missing or damaged. Reload the page; if it stays so, the site's owner must export the site again.",
  site_damaged:
    "The site's file site.json lacks an entry or has a wrong one ({detail}). Reload the page; if it stays so, the site's owner must export the site again.",
  updated: "There is a new version of this page; it starts with a reload.",
  firstPress: "Write first downloads the model ({size}, once), then writes at once.",
  firstPressKept: "The model is on this device already; press Write to begin.",
  redo: "Redo",
  openingChanged: "The opening has changed: Write starts a new text with it; the texts below stay as they are.",
  runsOnDevice: "on your device; no text is sent anywhere",
  technical: "Technical details",
  computes: "{backend} · self-check error {error} · {milliseconds} ms a {unit}",
  sampleBook: "Choose a book",
  sampleContinue: "Continue this passage",
  sharedTitle: "Shared with you:",
  sharedNote:
    "This text was shared with you. The button below has the model write the very same on your device, and you can go on from there.",
  sharedOpeningOnly:
    "This is only the opening. The button below has the model write the text that was shared, to the letter.",
  sharedTextOnly: "The link carries the whole text.",
  sharedOtherModel:
    "Another model wrote this, and the one here cannot write the same; above is the text that the link carries.",
  sharedOtherModelNoText:
    "Another model wrote this, and the one here cannot write the same; the link carries only the opening.",
  sharedWrite: "Write this very text",
  sharedLoad: "Download the model ({size}) and write this very text",
  sharedKeep: "Take this text",
  sharedDismiss: "No, thanks",
  shared_all: "Link copied: whoever opens it gets the very same text.",
  shared_some: "Link copied; not all texts fit, so it carries only the first ones.",
  shared_text: "Link copied; with so many changes, it carries the text itself.",
  shared_end: "Link copied; the text is long, so it carries only its end.",
  shared_draft: "Link copied, with the opening and the settings.",
  shareByHand: "The browser does not allow copying; the link is in the address bar, copy it from there.",
  shareThis: "Share",
  branch: "Another way",
  onlyThis: "Only this one",
  continueFromCaret: "Continue from the caret",
  more: "More",
  editVersion: "Text of version {n}, to be edited",
  alternative: "{n} / {all}",
  previousAlternative: "Previous alternative",
  nextAlternative: "Next alternative",
  seedAndSample: "seed {seed}, sample {n}",
  history: "All that was written",
  historyNote: "Every edit, undone step and alternative is here; press one to have it back.",
  manuscripts: "Manuscripts",
  newManuscript: "New manuscript",
  keptHere: "Manuscripts are kept on this device by themselves, also after a reload.",
  keptNowhere:
    "The browser does not let this page keep anything: writing works, but nothing is kept. Save your text before you leave.",
  untitled: "(empty)",
  onTheDesk: "on the desk",
  open: "Open",
  rename: "Rename",
  saveText: "Save as .txt",
  saveJson: "Save as .json",
  remove: "Delete",
  removeSure: "Really delete",
  keep_failed:
    "The manuscript cannot be kept (the device may be full). Your text is still on the page; save it as .txt.",
  copied_apart: "Another tab has changed this manuscript; what stands here was kept as one of its own.",
  open_elsewhere: "This manuscript is open in another tab.",
  manuscript_damaged: "This manuscript cannot be read any more.",
  corrected: "Set to {value} (it can be {min} to {max}).",
  finishSentence: "Finish the sentence",
  finishSentenceHelp:
    "At the end of its length the text goes on to the end of the sentence, by at most 60 {unit}s.",
  hardly_known: "The opening has characters that the model has hardly seen, so what follows may make little sense.",
  link_differs: "What this device wrote is not quite what was shared: it computes slightly differently.",
};

export const STRINGS = { zh, en };

/** @typedef {keyof typeof zh} StringKey */

/**
 * @param {Language} language
 * @param {StringKey} key
 * @param {Record<string, string | number>} [values]
 */
export function text(language, key, values = {}) {
  return STRINGS[language][key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * @param {readonly string[]} preferred Of the browser, best first.
 * @returns {Language}
 */
export function chooseLanguage(preferred) {
  for (const tag of preferred) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

/**
 * @param {number} bytes
 * @returns {string} In decimal megabytes, as browsers show downloads.
 */
export function megabytes(bytes) {
  const value = bytes / 1e6;
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} MB`;
}
