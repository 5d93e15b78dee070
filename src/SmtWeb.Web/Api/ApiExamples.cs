namespace SmtWeb.Web.Api;

/// <summary>Examples of the OpenAPI document, by operation. Tests read each as the server reads it.</summary>
internal static class ApiExamples
{
    /// <summary>Bodies of requests.</summary>
    internal static IReadOnlyDictionary<string, string> Requests { get; } =
        new Dictionary<string, string>
        {
            ["CreateRun"] = """{"preset":"swiss-roll","name":"Swiss roll, longer","spec":{"optimisation":{"iterations":20000}}}""",
            ["SetRunPriority"] = """{"priority":10}""",
            ["RenameRun"] = """{"name":"Swiss roll, second try"}""",
            ["ChangeRuns"] = """{"runs":[3,4,5],"change":"delete"}""",
            ["Generate"] = """{"model":3,"num_images":16,"seed":"18446744073709551600","class_label":7}""",
            ["QueueGenerationBatch"] = """{"model":3,"num_images":50000,"seed":0}""",
            ["RegisterDataset"] = """{"name":"CIFAR-10","path":"cifar-10-binary.tar.gz"}""",
            ["CheckDataset"] = """{"skipCorrupt":true}""",
            ["CreateKey"] = """{"name":"evaluation script on gpu-2","scopes":["read","generate"],"days":90}""",
            ["CreateUser"] = """{"name":"ada","role":"member"}""",
            ["SetUserRole"] = """{"role":"reviewer"}""",
        };

    /// <summary>Bodies of answers.</summary>
    internal static IReadOnlyDictionary<string, string> Answers { get; } =
        new Dictionary<string, string>
        {
            ["CreateRun"] = """{"id":3,"url":"/runs/3"}""",
            ["RegisterDataset"] = """{"id":2,"url":"/datasets/2"}""",
            ["ListRuns"] = """
                [{"id":3,"name":"Swiss roll","preset":"swiss-roll","method":"smt","data":"swissRoll","state":"running","stateReason":null,"priority":0,"queuePosition":null,
                  "iteration":1200,"totalIterations":20000,"imagesPerSecond":51234.5,"distanceMetric":"sw2","distance":0.31,"bestDistance":0.29,
                  "created":"2026-11-29T15:00:00+00:00","started":"2026-11-29T15:00:02+00:00","ended":null,"createdBy":"ada","seconds":31.5,
                  "ownerId":"6d0a3b0c-7a53-4f0e-9d3c-1c7f2f6f9a10"}]
                """,
            ["GetMetrics"] =
                """{"points":[{"sequence":17,"attempt":1,"name":"loss/generator","iteration":100,"imagesSeen":25600,"seconds":1.5,"value":0.42,"superseded":false}],"lastSequence":17}""",
            ["Generate"] =
                """{"model":{"run":3,"checkpoint":17,"iteration":20000},"width":28,"height":28,"seeds":[5],"class_labels":[7],"class_names":["Sneaker"],"images":["iVBORw0KGgo="]}""",
            ["CreateKey"] = """
                {"key":{"id":4,"name":"evaluation script on gpu-2","prefix":"smt_Yq3kP0","owner":"ada","scopes":["read","generate"],"created":"2026-11-29T15:00:00+00:00",
                  "expires":"2027-02-27T15:00:00+00:00","lastUsed":null,"revoked":null},"secret":"smt_Yq3kP0…"}
                """,
            ["ListAudit"] =
                """[{"id":12,"at":"2026-11-29T15:00:00+00:00","action":"role-changed","actor":"admin","keyId":null,"address":"10.0.0.7","subject":"ada","detail":"to Member"}]""",
            ["ChangeRuns"] = """[{"run":3,"done":true,"problem":null},{"run":4,"done":false,"problem":"There is no run 4."}]""",
        };
}
