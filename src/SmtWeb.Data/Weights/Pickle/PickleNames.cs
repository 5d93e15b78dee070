namespace SmtWeb.Data.Weights.Pickle;

/// <summary>What an allowed name stands for. None of them is code: each is a fixed rule of this reader.</summary>
internal enum PickleMeaning
{
    /// <summary>collections.OrderedDict.</summary>
    OrderedDict,

    /// <summary>A subclass of dict that adds nothing to its items.</summary>
    Dict,

    /// <summary>set or frozenset.</summary>
    Set,

    /// <summary>torch._utils._rebuild_tensor and _rebuild_tensor_v2.</summary>
    RebuildTensor,

    /// <summary>torch._utils._rebuild_parameter and …_with_state.</summary>
    RebuildParameter,

    /// <summary>torch._tensor._rebuild_from_type_v2.</summary>
    RebuildFromType,

    /// <summary>torch.storage._load_from_bytes: a legacy torch.save stream in a bytes object.</summary>
    LoadFromBytes,

    /// <summary>A class of storages, or torch.dtype.</summary>
    ElementType,

    /// <summary>torch.Size: a tuple.</summary>
    Size,

    /// <summary>torch.device: its text.</summary>
    Device,

    /// <summary>numpy.core.multiarray.scalar.</summary>
    NumpyScalar,

    /// <summary>numpy.dtype.</summary>
    NumpyType,

    /// <summary>numpy.core.multiarray._reconstruct.</summary>
    NumpyReconstruct,

    /// <summary>numpy.ndarray, only as an argument of the one before.</summary>
    NumpyArray,

    /// <summary>_codecs.encode: how Python 2 pickles write bytes.</summary>
    Encode,

    /// <summary>torch_utils.persistence._reconstruct_persistent_obj: an object of EDM with its class's source text.</summary>
    Persistent,

    /// <summary>A class whose objects are kept as plain state.</summary>
    Class,
}

/// <summary>The fixed list of names that a file may use. Anything else is refused by its name.</summary>
internal static class PickleNames
{
    /// <summary>Prefix of the classes that TorchScript archives define themselves; their objects are plain state too.</summary>
    public const string TorchScriptPrefix = "__torch__.";

    private static readonly Dictionary<string, PickleGlobal> Known = Make();

    /// <summary>Names of Python 2, by which pickles of protocols 0 to 2 call modules of Python 3.</summary>
    private static readonly Dictionary<string, string> Python2 = new(StringComparer.Ordinal)
    {
        ["__builtin__"] = "builtins",
        ["commands"] = "subprocess",
        ["copy_reg"] = "copyreg",
        ["exceptions"] = "builtins",
        ["cPickle"] = "pickle",
        ["urllib2"] = "urllib.request",
        ["urllib"] = "urllib.request",
        ["thread"] = "_thread",
        ["SocketServer"] = "socketserver",
        ["SimpleHTTPServer"] = "http.server",
    };

    /// <summary>The name as Python 3 spells it.</summary>
    public static string Spell(string module, string name) => $"{Python2.GetValueOrDefault(module, module)}.{name}";

    /// <summary>The allowed name, or null. <paramref name="script"/>: classes of a TorchScript archive are allowed.</summary>
    public static PickleGlobal? Find(string fullName, bool script)
    {
        if (Known.TryGetValue(fullName, out var known))
        {
            return known;
        }
        return script && fullName.StartsWith(TorchScriptPrefix, StringComparison.Ordinal)
            ? new PickleGlobal(fullName, PickleMeaning.Class)
            : null;
    }

    private static Dictionary<string, PickleGlobal> Make()
    {
        var known = new Dictionary<string, PickleGlobal>(StringComparer.Ordinal);
        void Add(PickleMeaning meaning, params string[] names)
        {
            foreach (var name in names)
            {
                known.Add(name, new PickleGlobal(name, meaning));
            }
        }

        void Type(SafetensorsType type, params string[] names)
        {
            foreach (var name in names)
            {
                known.Add(name, new PickleGlobal(name, PickleMeaning.ElementType, type));
            }
        }

        Add(PickleMeaning.OrderedDict, "collections.OrderedDict");
        Add(PickleMeaning.Dict, "builtins.dict", "dnnlib.util.EasyDict");
        Add(PickleMeaning.Set, "builtins.set", "builtins.frozenset");
        Add(PickleMeaning.RebuildTensor, "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2");
        Add(PickleMeaning.RebuildParameter, "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state");
        Add(PickleMeaning.RebuildFromType, "torch._tensor._rebuild_from_type_v2");
        Add(PickleMeaning.LoadFromBytes, "torch.storage._load_from_bytes");
        Add(PickleMeaning.Size, "torch.Size");
        Add(PickleMeaning.Device, "torch.device");
        Add(PickleMeaning.NumpyScalar, "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar");
        Add(PickleMeaning.NumpyType, "numpy.dtype");
        Add(PickleMeaning.NumpyReconstruct, "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct");
        Add(PickleMeaning.NumpyArray, "numpy.ndarray");
        Add(PickleMeaning.Encode, "_codecs.encode");
        Add(PickleMeaning.Persistent, "torch_utils.persistence._reconstruct_persistent_obj");
        Add(PickleMeaning.Class, "torch.nn.parameter.Parameter", "torch._tensor.Tensor", "torch.Tensor");
        foreach (
            var part in new[]
            {
                "module.Module",
                "container.ModuleDict",
                "container.ModuleList",
                "container.Sequential",
                "container.ParameterDict",
                "container.ParameterList",
                "linear.Linear",
                "linear.Identity",
                "conv.Conv1d",
                "conv.Conv2d",
                "normalization.GroupNorm",
                "normalization.LayerNorm",
                "batchnorm.BatchNorm1d",
                "batchnorm.BatchNorm2d",
                "activation.SiLU",
                "activation.ReLU",
                "activation.GELU",
                "activation.LeakyReLU",
                "dropout.Dropout",
                "dropout.Dropout2d",
                "sparse.Embedding",
                "pooling.MaxPool2d",
                "pooling.AvgPool2d",
                "pooling.AdaptiveAvgPool2d",
                "flatten.Flatten",
                "upsampling.Upsample",
            }
        )
        {
            Add(PickleMeaning.Class, $"torch.nn.modules.{part}");
        }

        Type(SafetensorsType.F64, "torch.DoubleStorage", "torch.float64", "torch.double");
        Type(SafetensorsType.F32, "torch.FloatStorage", "torch.float32", "torch.float");
        Type(SafetensorsType.F16, "torch.HalfStorage", "torch.float16", "torch.half");
        Type(SafetensorsType.BF16, "torch.BFloat16Storage", "torch.bfloat16");
        Type(SafetensorsType.I64, "torch.LongStorage", "torch.int64", "torch.long");
        Type(SafetensorsType.I32, "torch.IntStorage", "torch.int32", "torch.int");
        Type(SafetensorsType.I16, "torch.ShortStorage", "torch.int16", "torch.short");
        Type(SafetensorsType.I8, "torch.CharStorage", "torch.int8");
        Type(SafetensorsType.U8, "torch.ByteStorage", "torch.uint8", "torch.storage.UntypedStorage");
        Type(SafetensorsType.BOOL, "torch.BoolStorage", "torch.bool");
        return known;
    }
}
