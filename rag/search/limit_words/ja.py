"""The words of limits in Japanese."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "ファイル, 添付ファイル, 添付, ドキュメント, 文書",
        "pdf": "pdfファイル",
        "image": "スクリーンショット, スクショ",
        "picture": "画像, 写真",
        "document": "word文書, wordファイル, ワード文書",
        "slides": "スライド, プレゼン, プレゼンテーション, パワーポイント, パワポ",
        "spreadsheet": "スプレッドシート, エクセル, excelファイル",
        "text": "テキストファイル",
        "link": "リンク",
    },
    shared="共有した, 共有された, 共有, 共有しました, 共有されました, 共有したもの, 投稿した, 投稿された, "
    "投稿しました, "
    "アップロードした, アップロードされた, アップした, 貼った, 貼られた, 上げた",
    sent="送った, 送られた, 送信した",
    by="により, によって",
    possessive="からの, の",
    at="",
    here="ここ, ここで, ここに",
    this_channel="このチャンネル, このチャンネルで, このチャンネルに",
    since="以降, 以来, から",
    before="以前, より前, の前, まで",
    after="より後, の後",
    bounds_follow=True,
    me="私, 僕, 自分",
    linking="が, は, を, に, で, の, から, へ, も, と, や, さん, くん, ちゃん, 様, 氏, 、, 内, 間, 全て, "
    "すべて, 新しい",
    asking="何, 何が, どの, どれ, どんな, 見せて, 表示して, 一覧, リスト, 探して, 教えて",
    empty="か, です, ます, ある, あります, ください, 下さい, しました, されました, は, 誰",
    counting="いくつの, 何枚の, 何件の",
    periods={
        "today": "今日, 本日",
        "yesterday": "昨日",
        "day_before": "一昨日, おととい",
        "this_week": "今週",
        "last_week": "先週",
        "this_month": "今月",
        "last_month": "先月",
        "this_year": "今年",
        "last_year": "去年, 昨年",
    },
    weekdays="月曜日/月曜, 火曜日/火曜, 水曜日/水曜, 木曜日/木曜, 金曜日/金曜, 土曜日/土曜, 日曜日/日曜",
    weekday_phrases="先週の0, この前の0",
    recent={
        "hour": "過去0時間, 直近0時間, この0時間",
        "day": "過去0日間, 過去0日, ここ0日, ここ0日間, この0日間, 直近0日",
        "week": "過去0週間, ここ0週間, この0週間, 直近0週間",
        "month": "過去0か月, 過去0ヶ月, ここ0か月, ここ0ヶ月",
    },
    ago={"day": "0日前", "week": "0週間前", "month": "0か月前, 0ヶ月前"},
)
