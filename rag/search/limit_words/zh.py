"""The words of limits in Chinese."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "文件, 附件, 檔案, 文档, 文檔",
        "pdf": "pdf文件, pdf檔案, pdf文档",
        "image": "截图, 截圖, 屏幕截图, 截屏",
        "picture": "图片, 圖片, 照片",
        "document": "word文档, word文件",
        "slides": "幻灯片, 投影片, 演示文稿, ppt",
        "spreadsheet": "电子表格, excel文件, excel表格",
        "text": "文本文件",
        "link": "链接, 連結",
    },
    shared="分享, 分享过, 分享了, 共享, 发布, 发布了, 上传, 上传了, 上传过, 上傳, 發布, 发的, 发了, 贴了",
    sent="发送, 发送了, 發送, 发来",
    by="由, 来自, 來自",
    possessive="的",
    at="在, 于, 到",
    here="这里, 這裡, 这儿",
    this_channel="这个频道, 本频道, 這個頻道, 在这个频道",
    since="自, 自从, 从, 以来, 起",
    before="以前, 之前, 前",
    after="以后, 之后",
    bounds_follow=True,
    me="我",
    linking="的, 了, 过, 被, 里, 中, 上, 和, 与, 或, 所, 所有, 新, 最新, 那个, 那份, 这个, 哪个, 曾",
    asking="什么, 什麼, 哪些, 有哪些, 列出, 显示, 找, 查找, 请找, 给我, 找出, 给我看",
    empty="有, 是, 请, 吗, 呢, 说, 谁, 把",
    counting="多少",
    periods={
        "today": "今天, 今日",
        "yesterday": "昨天, 昨日",
        "day_before": "前天",
        "this_week": "本周, 这周, 这个星期, 本週",
        "last_week": "上周, 上个星期, 上星期, 上週, 上個星期",
        "this_month": "本月, 这个月",
        "last_month": "上个月, 上月, 上個月",
        "this_year": "今年",
        "last_year": "去年",
    },
    weekdays="周一/星期一/週一, 周二/星期二/週二, 周三/星期三/週三, 周四/星期四/週四, 周五/星期五/週五, "
    "周六/星期六/週六, 周日/星期日/星期天/週日",
    recent={
        "hour": "最近0小时, 过去0小时, 最近0个小时, 过去0个小时",
        "day": "最近0天, 过去0天, 近0天, 最近0日",
        "week": "最近0周, 过去0周, 最近0个星期",
        "month": "最近0个月, 过去0个月",
    },
    ago={"day": "0天前", "week": "0周前, 0个星期前", "month": "0个月前"},
)
